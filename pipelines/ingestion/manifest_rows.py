"""The rows of a manifest, CSV or Parquet, with their position in it."""

import base64
import csv
import pathlib
import unicodedata
import warnings
from typing import Any, NamedTuple

# The type of a column whose values come with code to read them.
_RUNS_CODE = b"arrow.py_extension_type"

COLUMNS = ("path", "label", "split", "id")


class ManifestRow(NamedTuple):
    """A row as people find it again.

    Attributes:
        place: such as `"line 3"` of a CSV file, whose line 1 has the names of
            the columns, or `"row 2"` of a Parquet file.
        cells: column name to text without blanks around it; "" where there is
            nothing.
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
            columns = _column_names(path, list(reader.fieldnames or []))
            reader.fieldnames = columns
            for cells in reader:
                if cells.pop(None, None):
                    raise ValueError(
                        f"`manifest` must have {len(columns)} cells in each "
                        f"row, as in its first; received manifest="
                        f"{str(path)!r} with more in line {reader.line_num}"
                    )
                place = f"line {reader.line_num}"
                rows.append(_row(path, place, cells))
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
    names = file.schema_arrow.names
    columns = _column_names(path, names)
    wanted = {
        name: column
        for name, column in zip(names, columns, strict=True)
        if column in COLUMNS
    }
    rows: list[ManifestRow] = []
    for batch in file.iter_batches(columns=list(wanted)):
        for cells in batch.to_pylist():
            named = {wanted[name]: value for name, value in cells.items()}
            rows.append(_row(path, f"row {len(rows) + 1}", named))
    return columns, rows


def _column_names(path: pathlib.Path, names: list[str]) -> list[str]:
    """Returns the names without blanks around them, no known one twice."""
    names = [name.strip() for name in names]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ValueError(
            "`manifest` must have each column once; received "
            f"manifest={str(path)!r} with several of the name {twice}"
        )
    return names


def _row(path: pathlib.Path, place: str, cells: dict[str, Any]) -> ManifestRow:
    texts = {}
    for name, value in cells.items():
        try:
            texts[name] = _text(value)
        except (TypeError, UnicodeDecodeError) as error:
            raise ValueError(
                "`manifest` must have text or a number in each cell; "
                f"received manifest={str(path)!r} with another {name} in "
                f"{place}: {error}"
            ) from None
    if "label" in texts:
        # The same letters, composed or not, are the same class.
        texts["label"] = unicodedata.normalize("NFC", texts["label"])
    return ManifestRow(place, texts)


def _text(value: Any) -> str:
    """Returns what a cell says, "" where it says nothing."""
    # NaN is how tables of numbers mark what is missing.
    if value is None or value != value:
        return ""
    if isinstance(value, (list, dict)):
        raise TypeError(f"received a {type(value).__name__}")
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, float) and value.is_integer():
        # Numbers become floats where others in their column are missing.
        value = int(value)
    # Blanks around it come from how the table was typed.
    return str(value).strip()
