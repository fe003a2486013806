"""A table of images, CSV or Parquet: path, and label, split and id if any."""

import os
import pathlib

from keras_dvml.class_split import held_out_classes, in_class_order
from pipelines.ingestion.image_file import ImageFile
from pipelines.ingestion.manifest_rows import ManifestRow, read_rows
from pipelines.ingestion.splits import (
    held_out,
    held_out_of_class,
    share_to_test,
)

_SPLITS = ("train", "test")
_NUM_SHOWN = 5
_MIN_CLASSES = 4


def read_manifest(
    manifest: str,
    *,
    labelled: bool = True,
    split: str = "auto",
    test_fraction: float | None = None,
    seed: int = 0,
) -> list[ImageFile]:
    """Lists the images of a table; they are not opened.

    Of its columns `path` is needed, absolute or from the table's folder on.
    `label` is the name of a class, `split` is `train` or `test`, `id` stands
    for the path as the image's id. Other columns are passed over, and so are
    blanks around what is in a cell.

    Args:
        manifest: path of a `.csv` file with a line of column names, or of a
            `.parquet` file.
        labelled: whether the images have labels; a column of them is passed
            over where not.
        split: `"given"` by the column `split`; `"classes"`, the classes to
            test on drawn by their names; `"ratio"` by chance, of every class
            alike; `"auto"` for the first of these three that can be done.
        test_fraction: share to test on where the column does not tell; half
            of the classes or images, and a tenth of images without labels,
            where `None`.
        seed: another one draws others to test on.

    Returns:
        The files in the order of the table.

    Raises:
        ValueError: where the table cannot be read, or some of its rows; up to
            five of them are named.
    """
    path = pathlib.Path(manifest)
    columns, rows = read_rows(path)
    split = _check_columns(manifest, columns, labelled, split)
    needed = ["path", *(["label"] if labelled else [])]
    _check_rows(manifest, rows, [*needed, *(["id"] if "id" in columns else [])])
    if split == "given":
        _check_splits(manifest, rows)
    cells = [cells for _, cells in rows]
    ids = [row.get("id") or os.path.normpath(row["path"]) for row in cells]
    # Two ways to write a path are the same image.
    files = [
        row.get("id") or os.path.abspath(path.parent / image_id)
        for row, image_id in zip(cells, ids, strict=True)
    ]
    _check_unique(manifest, [where for where, _ in rows], ids, files)
    names = [row["label"] if labelled else None for row in cells]
    if split == "given":
        splits = [row["split"] for row in cells]
    else:
        splits = _split(manifest, ids, names, split, test_fraction, seed)
    numbers = {
        name: number
        for number, name in enumerate(in_class_order(filter(None, names)))
    }
    return [
        ImageFile(
            path=str(path.parent / row["path"]),
            image_id=image_id,
            split=part,
            label=None if name is None else numbers[name],
            label_name=name,
        )
        for row, image_id, name, part in zip(
            cells, ids, names, splits, strict=True
        )
    ]


def _check_columns(
    manifest: str, columns: list[str], labelled: bool, split: str
) -> str:
    """Returns how to split, `"auto"` decided."""
    if split == "auto":
        if "split" in columns:
            split = "given"
        else:
            split = "classes" if labelled else "ratio"
    needed = ["path"]
    if labelled:
        needed.append("label")
    if split == "given":
        needed.append("split")
    missing = [name for name in needed if name not in columns]
    if missing:
        hint = (
            ". Without labels, set labelled=False" if "label" in missing else ""
        )
        raise ValueError(
            f"`manifest` must have the columns {needed}; received "
            f"manifest={manifest!r} with the columns {columns}{hint}"
        )
    return split


def _check_rows(
    manifest: str, rows: list[ManifestRow], needed: list[str]
) -> None:
    for name in needed:
        empty = [where for where, cells in rows if not cells[name]]
        if empty:
            raise ValueError(
                f"`manifest` must have a {name} in each row; received "
                f"manifest={manifest!r} without in {_some(empty)}"
            )


def _check_splits(manifest: str, rows: list[ManifestRow]) -> None:
    wrong = [
        f"{where} ({cells['split']!r})"
        for where, cells in rows
        if cells["split"] not in _SPLITS
    ]
    if wrong:
        raise ValueError(
            "`manifest` must have 'train' or 'test' in the column `split`; "
            f"received manifest={manifest!r} with others in {_some(wrong)}"
        )


def _check_unique(
    manifest: str, places: list[str], ids: list[str], files: list[str]
) -> None:
    first: dict[str, str] = {}
    twice = []
    for where, image_id, file in zip(places, ids, files, strict=True):
        if file in first:
            twice.append(f"{where} ({image_id!r}, as {first[file]})")
        first.setdefault(file, where)
    if twice:
        raise ValueError(
            "`manifest` must have an id for each image, or a path where there "
            f"is no id, that no other has; received manifest={manifest!r} "
            f"with repeated ones in {_some(twice)}"
        )


def _split(
    manifest: str,
    ids: list[str],
    names: list[str | None],
    split: str,
    test_fraction: float | None,
    seed: int,
) -> list[str]:
    classes = in_class_order({name for name in names if name is not None})
    if split == "ratio":
        tested = held_out(ids, test_fraction, seed) if not classes else set()
        of_class: dict[str | None, list[str]] = {name: [] for name in classes}
        for image_id, name in zip(ids, names, strict=True):
            if name is not None:
                of_class[name].append(image_id)
        for members in of_class.values():
            tested |= held_out_of_class(members, test_fraction, seed)
        return ["test" if name in tested else "train" for name in ids]
    if len(classes) < _MIN_CLASSES:
        raise ValueError(
            f"`manifest` must have at least {_MIN_CLASSES} classes: two to "
            "train on and two others to test on; received "
            f"manifest={manifest!r} with {classes}"
        )
    share = share_to_test(test_fraction, labelled=True)
    tested = held_out_classes(classes, share, seed)
    return ["test" if name in tested else "train" for name in names]


def _some(places: list[str]) -> str:
    shown = ", ".join(places[:_NUM_SHOWN])
    more = len(places) - _NUM_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
