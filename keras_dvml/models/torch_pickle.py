"""Reads tensors that PyTorch saved before its release 1.6, without PyTorch."""

import collections
import io
import pickle
import struct
from typing import Any, NamedTuple

import numpy as np

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
# Not types of NumPy: a pickle could set the state of those.
_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _Storage(NamedTuple):
    key: str
    dtype: str


class _Tensor(NamedTuple):
    """What PyTorch passes to `torch._utils._rebuild_tensor_v2`."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool
    backward_hooks: Any


class TensorUnpickler(pickle.Unpickler):
    """Admits tensors, dictionaries and plain values; nothing else is made."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(
            f"only tensors and dictionaries are read; received {module}.{name}"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, *_ = pid
        return _Storage(key, dtype)


def read_tensors(content: bytes) -> dict[str, np.ndarray]:
    """Reads a dictionary of tensors as `torch.save` wrote it before 1.6.

    Such a file holds pickles - a magic number, a version, facts of the
    machine, the dictionary, the keys of its storages - and then of each
    storage its length and numbers.

    Args:
        content: of the file.

    Returns:
        From names to arrays.

    Raises:
        pickle.UnpicklingError: If there is anything in it but tensors,
            dictionaries and plain values; nothing of it was run then.
        ValueError: If the file is of another kind.
    """
    file = io.BytesIO(content)
    if TensorUnpickler(file).load() != _MAGIC_NUMBER:
        raise ValueError("content must be a file of PyTorch before 1.6")
    _, _, tensors, keys = (TensorUnpickler(file).load() for _ in range(4))
    sizes = {
        tensor.storage.key: np.dtype(tensor.storage.dtype).itemsize
        for tensor in tensors.values()
    }
    storages = {}
    for key in keys:
        (length,) = struct.unpack("<q", file.read(8))
        storages[key] = file.read(length * sizes[key])
    return {
        name: _array(tensor, storages[tensor.storage.key])
        for name, tensor in tensors.items()
    }


def _array(tensor, storage):
    dtype = np.dtype(tensor.storage.dtype)
    # NumPy refuses what would reach outside of the storage.
    return np.ndarray(
        tensor.shape,
        dtype,
        buffer=storage,
        offset=tensor.offset * dtype.itemsize,
        strides=[stride * dtype.itemsize for stride in tensor.strides],
    )
