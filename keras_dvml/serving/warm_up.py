"""The requests that TensorFlow Serving replays before it serves a version."""

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

#: Where TensorFlow Serving looks, below a version's folder.
WARM_UP_FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")


def write_warm_up(
    folder: str, requests: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes warm-up requests into a SavedModel's folder.

    Args:
        folder: The SavedModel.
        requests: By a signature's name its inputs, tensors or arrays by name.
    """
    path = os.path.join(folder, WARM_UP_FILE)
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for signature_name, inputs in requests.items():
            writer.write(_prediction_log(signature_name, inputs))


# A `tensorflow.serving.PredictionLog` of one predict request, encoded by hand:
# the package with the generated classes is tied to one TensorFlow release, and
# four nested messages need none of it. The tests parse the result with those
# classes. Field numbers as in prediction_log.proto, predict.proto and
# model.proto.
def _prediction_log(signature_name: str, inputs: Mapping[str, Any]) -> bytes:
    model_spec = _field(3, signature_name.encode())
    request = _field(1, model_spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))
    predict_log = _field(1, request)
    return _field(6, predict_log)


def _field(number: int, content: bytes) -> bytes:
    """Encodes a length-delimited protocol buffer field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
