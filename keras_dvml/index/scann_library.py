"""What is used of ScaNN. The only file that imports it.

ScaNN documents how a searcher is built and searched, and how its files are
written and read. The names below are not documented; each may change with a
release, which is why the extra `scann` asks for one release:

- `serialize_to_module`, `ScannState` and `searcher_from_module`: a searcher as
  TensorFlow variables, which a SavedModel needs, and back.
- `ScannNumpy`: a searcher of ScaNN's Python side, which answers sooner than
  the TensorFlow operation, from the same parts.
"""

import importlib
import os
import tempfile
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

from keras_dvml.extras import install_command

# K-means has to see about as many points a leaf, or more leaves do harm.
_TRAINED_A_LEAF = 250

# In the order of ScaNN's operation: the type, and the type of asset that its
# Python side knows a part by.
_PARTS = {
    "scann_config": (tf.string, None),
    "serialized_partitioner": (tf.string, "PARTITIONER"),
    "datapoint_to_token": (tf.int32, "TOKENIZATION_NPY"),
    "ah_codebook": (tf.string, "AH_CENTERS"),
    "hashed_dataset": (tf.uint8, "AH_DATASET_NPY"),
    "int8_dataset": (tf.int8, "INT8_DATASET_NPY"),
    "int8_multipliers": (tf.float32, "INT8_MULTIPLIERS_NPY"),
    "dp_norms": (tf.float32, "INT8_NORMS_NPY"),
    "dataset": (tf.float32, "DATASET_NPY"),
}


def build_state(embeddings: np.ndarray, num_leaves: int) -> Any:
    """Returns the `ScannState` of a searcher that is built now.

    Args:
        embeddings: `(N, dim)` float32 array.
        num_leaves: Of the tree; 1 scores every embedding as it is.
    """
    builder = _scann("scann_ops").builder(embeddings, 10, "dot_product")
    if num_leaves == 1:
        return builder.score_brute_force().build().serialize_to_module()
    num_trained = max(100_000, num_leaves * _TRAINED_A_LEAF)
    searcher = (
        builder.tree(
            num_leaves=num_leaves,
            num_leaves_to_search=max(1, num_leaves // 10),
            training_sample_size=min(len(embeddings), num_trained),
            # From random starts the outcome depends on the order in which
            # threads finish; from k-means++ it does not.
            random_init=False,
        )
        .score_ah(
            2,
            anisotropic_quantization_threshold=0.2,
            training_sample_size=min(len(embeddings), 100_000),
        )
        .reorder(100)
        .build()
    )
    return searcher.serialize_to_module()


def num_leaves_of(state: Any) -> int:
    """Returns how many leaves a state's tree has, 1 where there is none."""
    leaves = state.datapoint_to_token
    return 1 + int(np.max(leaves.numpy())) if leaves.shape.rank else 1


def graph_searcher(state: Any) -> Any:
    """Returns a searcher of TensorFlow operations."""
    return _scann("scann_ops").searcher_from_module(state)


def register_operations() -> None:
    """Makes TensorFlow know the operations of a SavedModel with ScaNN."""
    _scann("scann_ops")


def python_searcher(state: Any) -> Any:
    """Returns a searcher of ScaNN's Python side."""
    python_side = _scann("scann_ops_pybind")
    with tempfile.TemporaryDirectory() as folder:
        assets = []
        for name, value in arrays_of(state).items():
            dtype, asset = _PARTS[name]
            path = os.path.join(folder, name)
            if dtype == tf.string:
                path += ".pb"
                value.tofile(path)
            else:
                path += ".npy"
                np.save(path, value)
            if asset:
                assets.append(
                    f'assets {{ asset_type: {asset} asset_path: "{path}" }}'
                )
        return python_side.ScannSearcher(
            python_side.scann_pybind.ScannNumpy(folder, "\n".join(assets))
        )


def arrays_of(state: Any) -> dict[str, np.ndarray]:
    """Returns the parts that a `ScannState` uses, by name."""
    return used_parts({name: getattr(state, name).numpy() for name in _PARTS})


def used_parts(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the parts of a searcher that are used, as arrays.

    Byte strings are given as uint8: NumPy's own lose trailing zeros.

    Args:
        values: The values of a `ScannState`'s variables, by name.
    """
    arrays = {}
    for name in _PARTS:
        value = np.asarray(values[name])
        if value.shape == ():
            continue  # Not used; what it holds was never set.
        if value.dtype.kind == "O":
            value = np.frombuffer(value.item(), np.uint8)
        arrays[name] = value
    return arrays


def state_of(arrays: dict[str, np.ndarray]) -> Any:
    """Returns the `ScannState` of what `arrays_of` returned.

    Raises:
        ValueError: If one of the parts has fewer rows than another: ScaNN
            would read beyond its end.
    """
    rows = {
        name: len(arrays[name])
        for name, (dtype, _) in _PARTS.items()
        if dtype != tf.string and name in arrays and name != "int8_multipliers"
    }
    if len(set(rows.values())) > 1:
        raise ValueError(f"its parts have different numbers of rows: {rows}")
    tensors = []
    for name, (dtype, _) in _PARTS.items():
        value = arrays.get(name)
        if value is None:
            value = "" if dtype == tf.string else 0
        elif dtype == tf.string:
            value = [value.tobytes()]
        tensors.append(tf.constant(value, dtype))
    return _scann("scann_ops").ScannState(tensors)


@tf.autograph.experimental.do_not_convert
def _scann(module: str) -> ModuleType:
    try:
        return importlib.import_module(f"scann.scann_ops.py.{module}")
    # ScaNN's operations are compiled against one release of TensorFlow and are
    # not found beside another.
    except (ImportError, tf.errors.NotFoundError) as error:
        raise ImportError(
            "ScannIndex needs ScaNN beside the TensorFlow that it was compiled "
            f"for: {install_command('scann')}. ExactIndex works without."
        ) from error
