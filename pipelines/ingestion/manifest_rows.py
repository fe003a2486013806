"""The rows of a manifest, CSV or Parquet, with their position in it."""

import base64
import csv
import pathlib
import warnings
from typing import NamedTuple

# The type of a column whose values come with code to read them.
_RUNS_CODE = b"arrow.py_extension_type"

COLUMNS = ("path", "label", "split", "id")


class ManifestRow(NamedTuple):
    """A row as people find it again.

    Attributes:
        place: such as `"line 3"` of a CSV file, whose line 1 has the names of
            the columns, or `"row 2"` of a Parquet file.
        cells: column name to text; "" where there is nothing.
    """

    place: str
    cells: dict[str, str]


def read_rows(path: pathlib.Path) -> tuple[list[str], list[ManifestRow]]:
    """Reads a table.

    Args:
        path: of a `.csv` file in UTF-8 with a line of column names, or of a
            `.parquet` file.

    Returns:
        The names of all its columns, and its rows, at least one.

    Raises:
        ValueError: if it cannot be read.
    """
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers or not path.is_file():
        raise ValueError(
            "`manifest` must be an existing .csv or .parquet file; received "
            f"manifest={str(path)!r}"
        )
    columns, rows = readers[path.suffix.lower()](path)
    if not rows:
        raise ValueError(
            "`manifest` must have at least one row below the names of its "
            f"columns; received manifest={str(path)!r} without"
        )
    return columns, rows


def _read_csv(path: pathlib.Path) -> tuple[list[str], list[ManifestRow]]:
    columns: list[str] = []
    rows: list[ManifestRow] = []
    try:
        # A byte order mark is no part of the first name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            columns = list(reader.fieldnames or [])
            for cells in reader:
                if cells.pop(None, None):
                    raise ValueError(
                        f"`manifest` must have {len(columns)} cells in each "
                        f"row, as in its first; received manifest="
                        f"{str(path)!r} with more in line {reader.line_num}"
                    )
                rows.append(ManifestRow(f"line {reader.line_num}", cells))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            "`manifest` must be a CSV file in UTF-8; received manifest="
            f"{str(path)!r}, after {len(rows)} rows: {error}"
        ) from None
    return columns, rows


def _read_parquet(path: pathlib.Path) -> tuple[list[str], list[ManifestRow]]:
    # Heavier than all the rest of the sources together.
    import pyarrow
    from pyarrow import parquet

    try:
        with warnings.catch_warnings():
            # Arrow would say in its own words what is refused below.
            warnings.simplefilter("ignore")
            file = parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(
            f"`manifest` must be a Parquet file; received manifest="
            f"{str(path)!r}: {error}"
        ) from None
    schema = (file.metadata.metadata or {}).get(b"ARROW:schema", b"")
    if _RUNS_CODE in base64.b64decode(schema):
        raise ValueError(
            "`manifest` must be a Parquet file of plain columns; received "
            f"manifest={str(path)!r} with a column of the type "
            f"{_RUNS_CODE.decode()!r}, whose reading would run code of whoever "
            "wrote the file; nothing of it was run"
        )
    columns = file.schema_arrow.names
    rows: list[ManifestRow] = []
    for batch in file.iter_batches(
        columns=[name for name in COLUMNS if name in columns]
    ):
        for cells in batch.to_pylist():
            texts = {
                name: "" if value is None else str(value)
                for name, value in cells.items()
            }
            rows.append(ManifestRow(f"row {len(rows) + 1}", texts))
    return columns, rows
