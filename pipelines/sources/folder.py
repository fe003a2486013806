"""A folder of images: one sub-folder a class, or in any order."""

import dataclasses
import hashlib
import logging
import os
import pathlib
from collections.abc import Iterator

_CLUTTER = {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"}
_MIN_CLASSES = 4
_MIN_IMAGES = 20
# Of images without labels, one in so many is held out of training.
_HELD_OUT = 10

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """One file that may be an image.

    Attributes:
        path: where it lies.
        image_id: its path relative to the folder, with forward slashes.
        split: `"train"` or `"test"`.
        label: number of its class, by name, from 0; `None` without labels.
        label_name: name of its class, `None` likewise.
    """

    path: str
    image_id: str
    split: str
    label: int | None = None
    label_name: str | None = None


def scan_folder(folder: str) -> list[ImageFile]:
    """Lists the files of all classes; nothing is opened.

    Classes are sorted by name: the first half is trained on (the larger one
    when their number is odd), the last half tested on, so that every test
    class is unseen. Hidden files and what file managers leave behind are
    passed over.

    Args:
        folder: path of a folder with one sub-folder a class.

    Returns:
        The files, by class and name.

    Raises:
        ValueError: where there is no such folder, or fewer than four classes
            (two to train on, two to test on).
    """
    root = _existing(folder, "with one sub-folder a class")
    entries = sorted(p for p in root.iterdir() if not _is_clutter(p.name))
    files_by_class = {
        path: list(_files_below(path)) for path in entries if path.is_dir()
    }
    classes = [path for path, files in files_by_class.items() if files]
    if len(classes) < len(files_by_class):
        logger.warning(
            "Passed over %d empty sub-folders of %s",
            len(files_by_class) - len(classes),
            folder,
        )
    strays = [path.name for path in entries if not path.is_dir()]
    if len(classes) < _MIN_CLASSES:
        raise ValueError(
            f"`folder` must hold at least {_MIN_CLASSES} sub-folders, one a "
            "class: two to train on and two others to test on. Received: "
            f"folder={folder!r} with {len(classes)} sub-folders and "
            f"{len(strays)} files"
        )
    if strays:
        logger.warning(
            "Passed over %d files outside the class sub-folders of %s: %s",
            len(strays),
            folder,
            ", ".join(strays[:3]) + (", ..." if len(strays) > 3 else ""),
        )
    num_train = (len(classes) + 1) // 2
    return [
        ImageFile(
            path=str(path),
            image_id=path.relative_to(root).as_posix(),
            split="train" if label < num_train else "test",
            label=label,
            label_name=class_dir.name,
        )
        for label, class_dir in enumerate(classes)
        for path in files_by_class[class_dir]
    ]


def scan_unlabelled(folder: str) -> list[ImageFile]:
    """Lists all files of a folder and the folders below; nothing is opened.

    One in ten, rounded up, is held out as the `test` split: those whose names
    have the least hashes, so that the choice is the same each time and has
    nothing to do with the order of the names.

    Args:
        folder: path of a folder of images, in sub-folders or not.

    Returns:
        The files without labels, by name.

    Raises:
        ValueError: where there is no such folder, or fewer than 20 files.
    """
    root = _existing(folder, "of images")
    paths = {
        path.relative_to(root).as_posix(): path for path in _files_below(root)
    }
    if len(paths) < _MIN_IMAGES:
        raise ValueError(
            f"`folder` must hold at least {_MIN_IMAGES} images to learn from. "
            f"Received: folder={folder!r} with {len(paths)} files"
        )
    num_held_out = -(-len(paths) // _HELD_OUT)
    held_out = set(sorted(paths, key=_hash_of_name)[:num_held_out])
    return [
        ImageFile(
            path=str(paths[image_id]),
            image_id=image_id,
            split="test" if image_id in held_out else "train",
        )
        for image_id in sorted(paths)
    ]


def files_fingerprint(files: list[ImageFile]) -> str:
    """Hashes names, sizes and times of change of files.

    Args:
        files: from `scan_folder` or `scan_unlabelled`.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for file in files:
        line = f"{file.image_id}\0{_size_and_time(file.path)}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _existing(folder: str, kind: str) -> pathlib.Path:
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise ValueError(
            f"`folder` must be an existing folder {kind}. Received: "
            f"folder={folder!r}"
        )
    return root


def _hash_of_name(image_id: str) -> bytes:
    name = image_id.encode(errors="surrogateescape")
    return hashlib.sha256(name).digest()


def _files_below(class_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    for parent, dirs, files in os.walk(
        class_dir,
        onerror=lambda error: logger.warning("Passed over: %s", error),
    ):
        dirs[:] = sorted(name for name in dirs if not _is_clutter(name))
        for name in sorted(files):
            if not _is_clutter(name):
                yield pathlib.Path(parent, name)


def _size_and_time(path: str) -> str:
    try:
        stat = os.stat(path)
    except OSError as error:  # A broken link, say: quarantined when read.
        return type(error).__name__
    return f"{stat.st_size}\0{stat.st_mtime_ns}"


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _CLUTTER
