"""What a ScaNN searcher is made of, as arrays, tensors and files."""

import os

import numpy as np
import tensorflow as tf

# In the order of ScaNN's operation: type where it is not used, and the file
# and the type of asset that ScaNN's Python side reads it from.
_PARTS = {
    "scann_config": (tf.string, "scann_config.pb", None),
    "serialized_partitioner": (
        *(tf.string, "serialized_partitioner.pb", "PARTITIONER"),
    ),
    "datapoint_to_token": (
        *(tf.int32, "datapoint_to_token.npy", "TOKENIZATION_NPY"),
    ),
    "ah_codebook": (tf.string, "ah_codebook.pb", "AH_CENTERS"),
    "hashed_dataset": (tf.uint8, "hashed_dataset.npy", "AH_DATASET_NPY"),
    "int8_dataset": (tf.int8, "int8_dataset.npy", "INT8_DATASET_NPY"),
    "int8_multipliers": (
        *(tf.float32, "int8_multipliers.npy", "INT8_MULTIPLIERS_NPY"),
    ),
    "dp_norms": (tf.float32, "dp_norms.npy", "INT8_NORMS_NPY"),
    "dataset": (tf.float32, "dataset.npy", "DATASET_NPY"),
}


def parts_of(state):
    """Returns the parts that a `ScannState` uses, as arrays by name.

    Byte strings are given as uint8: NumPy's own lose trailing zeros.
    """
    parts = {}
    for name in _PARTS:
        value = np.asarray(getattr(state, name).numpy())
        if value.shape == ():
            continue  # Not used; what it holds was never set.
        if value.dtype.kind == "O":
            value = np.frombuffer(value.item(), np.uint8)
        parts[name] = value
    return parts


def tensors_of(parts):
    """Returns the tensors that a `ScannState` is made of."""
    return [
        _tensor(parts[name], dtype) if name in parts else _unused(dtype)
        for name, (dtype, *_) in _PARTS.items()
    ]


def write_files(parts, folder):
    """Writes parts to a folder.

    Returns:
        str. Which asset is in which file, as ScaNN reads it.
    """
    assets = []
    for name, value in parts.items():
        dtype, file, asset = _PARTS[name]
        path = os.path.join(folder, file)
        if dtype == tf.string:
            value.tofile(path)
        else:
            np.save(path, value)
        if asset:
            assets.append(
                f'assets {{ asset_type: {asset} asset_path: "{path}" }}'
            )
    return "\n".join(assets)


def _tensor(value, dtype):
    if dtype == tf.string:
        return tf.constant([value.tobytes()])
    return tf.constant(value, dtype)


def _unused(dtype):
    return tf.constant("" if dtype == tf.string else 0, dtype)
