"""Small files in the folder of an artifact, a local one or an object store."""

import io
import json
import os
from typing import Any

import numpy as np
from tfx.dsl.io import fileio


def write_bytes(uri: str, name: str, content: bytes) -> None:
    """Writes a file, with its folder where that is missing.

    Args:
        uri: of the artifact.
        name: of the file.
        content: all of it.
    """
    fileio.makedirs(uri)
    with fileio.open(os.path.join(uri, name), "wb") as file:
        file.write(content)


def read_bytes(uri: str, name: str) -> bytes:
    """Reads a file; the reverse of `write_bytes`."""
    with fileio.open(os.path.join(uri, name), "rb") as file:
        return file.read()


def write_json(uri: str, name: str, value: Any) -> None:
    """Writes a JSON-ready value."""
    write_bytes(uri, name, json.dumps(value, indent=1).encode())


def read_json(uri: str, name: str) -> Any:
    """Reads a value; the reverse of `write_json`."""
    return json.loads(read_bytes(uri, name))


def pack_arrays(**arrays: Any) -> bytes:
    """Returns arrays as the bytes of an `.npz` file.

    Args:
        **arrays: name to array, or what becomes one.
    """
    # Through memory: zip files seek, which remote files cannot do.
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def unpack_arrays(packed: bytes) -> dict[str, np.ndarray]:
    """Returns name to array; the reverse of `pack_arrays`."""
    return dict(np.load(io.BytesIO(packed)))
