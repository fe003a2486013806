"""A folder of images: one sub-folder a class, or in any order."""

import logging
import pathlib

from keras_dvml.class_split import held_out_classes, in_class_order
from keras_dvml.folder_walk import files_below, visible
from pipelines.ingestion.image_file import ImageFile, files_fingerprint
from pipelines.ingestion.splits import (
    held_out,
    held_out_of_class,
    share_to_test,
)

__all__ = ["ImageFile", "files_fingerprint", "scan_folder", "scan_unlabelled"]

_MIN_CLASSES = 4
_MIN_IMAGES = 20
_SPLITS = ("train", "test")

logger = logging.getLogger(__name__)


def scan_folder(
    folder: str,
    split: str = "auto",
    test_fraction: float | None = None,
    seed: int = 0,
) -> list[ImageFile]:
    """Lists the files of all classes; nothing is opened.

    About half of the classes, drawn by their names, are tested on, the others
    trained on, so that every test class is unseen. Links to folders are
    followed. Hidden files and what file managers and storage devices leave
    behind are passed over.

    Args:
        folder: path of a folder with one sub-folder a class.
        split: `"auto"` or `"classes"` for the above, `"ratio"` to hold out
            images of every class, `"given"` where sub-folders `train` and
            `test` hold the sub-folders of the classes.
        test_fraction: share of the classes, or of the images of every class,
            to test on; half where `None`.
        seed: another one draws others to test on.

    Returns:
        The files, by class and name.

    Raises:
        ValueError: where there is no such folder, or fewer than four classes
            (two to train on, two to test on).
    """
    root = _existing(folder, "with one sub-folder a class")
    if split == "given":
        return _scan_given(root, folder)
    files_by_class = _files_by_class(root, folder)
    names = list(files_by_class)
    if len(names) < _MIN_CLASSES:
        raise ValueError(
            f"`folder` must hold at least {_MIN_CLASSES} sub-folders, one a "
            "class: two to train on and two others to test on; received "
            f"folder={folder!r} with {len(names)} sub-folders and "
            f"{len(_strays(root))} files"
        )
    test_classes = held_out_classes(
        names, share_to_test(test_fraction, labelled=True), seed
    )
    files = []
    for label, (name, paths) in enumerate(files_by_class.items()):
        ids = {path.relative_to(root).as_posix(): path for path in paths}
        if split == "ratio":
            tested = held_out_of_class(ids, test_fraction, seed)
        else:
            tested = set(ids) if name in test_classes else set()
        files += [
            ImageFile(
                path=str(path),
                image_id=image_id,
                split="test" if image_id in tested else "train",
                label=label,
                label_name=name,
            )
            for image_id, path in ids.items()
        ]
    return files


def scan_unlabelled(
    folder: str,
    split: str = "auto",
    test_fraction: float | None = None,
    seed: int = 0,
) -> list[ImageFile]:
    """Lists all files of a folder and the folders below; nothing is opened.

    One in ten, rounded up, is held out as the `test` split: those whose names
    have the least hashes, so that the choice is the same each time and has
    nothing to do with the order of the names.

    Args:
        folder: path of a folder of images, in sub-folders or not.
        split: `"auto"` or `"ratio"` for the above, `"given"` where the
            sub-folders `train` and `test` hold the images.
        test_fraction: share to hold out; a tenth where `None`.
        seed: another one holds out others.

    Returns:
        The files without labels, by name.

    Raises:
        ValueError: where there is no such folder, or fewer than 20 files.
    """
    root = _existing(folder, "of images")
    below = _split_folders(root, folder) if split == "given" else [root]
    paths = {
        path.relative_to(root).as_posix(): path
        for files in files_below(below).values()
        for path in files
    }
    if len(paths) < _MIN_IMAGES:
        raise ValueError(
            f"`folder` must hold at least {_MIN_IMAGES} images to learn from; "
            f"received folder={folder!r} with {len(paths)} files"
        )
    if split == "given":
        tested = {name for name in paths if name.startswith("test/")}
    else:
        tested = held_out(paths, test_fraction, seed)
    return [
        ImageFile(
            path=str(paths[image_id]),
            image_id=image_id,
            split="test" if image_id in tested else "train",
        )
        for image_id in sorted(paths)
    ]


def _scan_given(root: pathlib.Path, folder: str) -> list[ImageFile]:
    by_split = {
        place.name: _files_by_class(place, str(place))
        for place in _split_folders(root, folder)
    }
    names = [name for classes in by_split.values() for name in classes]
    labels = {name: label for label, name in enumerate(in_class_order(names))}
    return [
        ImageFile(
            path=str(path),
            image_id=path.relative_to(root).as_posix(),
            split=split,
            label=labels[name],
            label_name=name,
        )
        for split, classes in by_split.items()
        for name, paths in classes.items()
        for path in paths
    ]


def _split_folders(root: pathlib.Path, folder: str) -> list[pathlib.Path]:
    places = [root / split for split in _SPLITS]
    missing = [place.name for place in places if not place.is_dir()]
    if missing:
        raise ValueError(
            "`folder` must hold the sub-folders `train` and `test` where "
            f"split='given'; received folder={folder!r} without {missing}"
        )
    return places


def _files_by_class(
    root: pathlib.Path, folder: str
) -> dict[str, list[pathlib.Path]]:
    """Returns the files of each class that has any, by the class' name."""
    filled: dict[str, list[pathlib.Path]] = {}
    for path in files_below([root])[root]:
        name, *below = path.relative_to(root).parts
        if below:
            filled.setdefault(name, []).append(path)
    num_empty = sum(path.is_dir() for path in visible(root)) - len(filled)
    if num_empty:
        logger.warning(
            "Passed over %d empty sub-folders of %s", num_empty, folder
        )
    strays = _strays(root)
    if filled and strays:
        logger.warning(
            "Passed over %d files outside the class sub-folders of %s: %s",
            len(strays),
            folder,
            ", ".join(strays[:3]) + (", ..." if len(strays) > 3 else ""),
        )
    return filled


def _existing(folder: str, kind: str) -> pathlib.Path:
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise ValueError(
            f"`folder` must be an existing folder {kind}; received "
            f"folder={folder!r}"
        )
    return root


def _strays(root: pathlib.Path) -> list[str]:
    return [path.name for path in visible(root) if not path.is_dir()]
