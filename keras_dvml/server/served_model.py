"""A version of a model while it is served."""

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from keras_dvml.serving import load
from keras_dvml.serving.custom_ops import read_saved_model
from keras_dvml.serving.published import reason_of
from keras_dvml.serving.warm_up import read_warm_up

#: Pictures that one request may hold.
MOST_ROWS = 1024


class RequestError(Exception):
    """What is answered with INVALID_ARGUMENT, or HTTP status 400."""


class ServedModel:
    """A version that is loaded, and warm.

    Args:
        folder: Of the version.
    """

    def __init__(self, folder: str) -> None:
        self.published = load(folder)
        self.version = int(os.path.basename(folder))
        self.signature_defs = {
            name: signature
            for graph in read_saved_model(folder).meta_graphs
            for name, signature in graph.signature_def.items()
        }
        self._functions = self.published.signatures
        #: How many requests were replayed before the first one.
        self.num_warm_up_requests = 0
        for signature_name, inputs in read_warm_up(folder):
            self.predict(signature_name, inputs)
            self.num_warm_up_requests += 1

    def input_specs(self, signature_name: str) -> dict[str, tf.TensorSpec]:
        """Returns the inputs of a signature, by name."""
        if signature_name not in self._functions:
            raise RequestError(
                f'Serving signature name: "{signature_name}" not found in '
                "signature def"
            )
        _, specs = self._functions[signature_name].structured_input_signature
        return specs

    def predict(
        self, signature_name: str, inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Returns the outputs of a signature, as arrays by name.

        Args:
            signature_name: Such as "search".
            inputs: Arrays, or what TensorFlow makes tensors of.

        Raises:
            RequestError: If the signature does not take these inputs.
        """
        specs = self.input_specs(signature_name)
        if inputs.keys() != specs.keys():
            raise RequestError(
                f"inputs must be {sorted(specs)}; received {sorted(inputs)}"
            )
        tensors = {
            name: _tensor(name, inputs[name], specs[name]) for name in specs
        }
        try:
            outputs = self._functions[signature_name](**tensors)
        except tf.errors.InvalidArgumentError as error:
            raise RequestError(reason_of(error)) from None
        return {name: value.numpy() for name, value in outputs.items()}


def _tensor(name, value, spec):
    try:
        tensor = tf.constant(value, spec.dtype)
    except (TypeError, ValueError) as error:
        raise RequestError(f"{name}: {error}") from None
    if not spec.shape.is_compatible_with(tensor.shape):
        raise RequestError(
            f"{name} must have shape {spec.shape}; received {tensor.shape}"
        )
    if tensor.shape.rank and len(tensor) > MOST_ROWS:
        raise RequestError(
            f"{name} must hold at most {MOST_ROWS} rows; received {len(tensor)}"
        )
    return tensor
