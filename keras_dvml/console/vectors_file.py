"""Embeddings and ids in a file, written as they come."""

import contextlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from keras_dvml.extras import import_of
from keras_dvml.whole_files import whole_file


@contextlib.contextmanager
def vectors_file(path: str) -> Iterator[Any]:
    """Opens a file of embeddings that is there when the context ends well.

    Args:
        path: `*.parquet`, of columns `id` and `embedding`; or `*.npy`, a
            float32 matrix, with an id a line in `*.ids.txt` beside it.

    Yields:
        Object with a method `write(ids, embeddings)`.

    Raises:
        ValueError: If the name ends otherwise.
    """
    if path.endswith(".parquet"):
        with whole_file(path) as file:
            table = _Parquet(file)
            yield table
            table.close()
    elif path.endswith(".npy"):
        names = path.removesuffix(".npy") + ".ids.txt"
        with whole_file(path) as file, whole_file(names) as ids:
            matrix = _Matrix(file, ids)
            yield matrix
            matrix.close()
    else:
        raise ValueError(
            f"--output must end in .parquet or .npy; received {path}"
        )


class _Matrix:
    def __init__(self, file: IO[bytes], ids: IO[bytes]) -> None:
        self._file, self._ids = file, ids
        self._shape = (0, 0)

    def write(self, ids: list[str], embeddings: np.ndarray) -> None:
        if not self._file.tell():
            self._write_header((0, embeddings.shape[1]))
        self._file.write(embeddings.astype("<f4").tobytes())
        # One id a line: a path may hold an end of line.
        lines = [name.replace("\n", "\\n") + "\n" for name in ids]
        self._ids.write("".join(lines).encode(errors="surrogateescape"))
        num_rows = self._shape[0] + len(embeddings)
        self._shape = (num_rows, embeddings.shape[1])

    def close(self) -> None:
        self._file.seek(0)
        self._write_header(self._shape)

    def _write_header(self, shape: tuple[int, int]) -> None:
        # NumPy leaves room for the number of rows to grow.
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)


class _Parquet:
    def __init__(self, file: IO[bytes]) -> None:
        with import_of("console", "A .parquet file needs pyarrow"):
            import pyarrow.parquet
        self._arrow, self._file, self._writer = pyarrow, file, None

    def write(self, ids: list[str], embeddings: np.ndarray) -> None:
        arrow, dim = self._arrow, embeddings.shape[1]
        vectors = arrow.FixedSizeListArray.from_arrays(
            arrow.array(embeddings.ravel()), dim
        )
        batch = arrow.record_batch(
            {"id": arrow.array(ids, arrow.string()), "embedding": vectors}
        )
        if self._writer is None:
            self._writer = arrow.parquet.ParquetWriter(self._file, batch.schema)
        self._writer.write_batch(batch)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
