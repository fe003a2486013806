"""The requests that TensorFlow Serving replays before it serves a version."""

import collections
import os
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

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


def read_warm_up(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields what `write_warm_up` wrote: signatures' names and inputs."""
    path = os.path.join(folder, WARM_UP_FILE)
    if not tf.io.gfile.exists(path):
        return
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        (predict_log,) = _fields(bytes(record))[6]
        (request,) = _fields(predict_log)[1]
        fields = _fields(request)
        (signature_name,) = _fields(fields[1][0])[3]
        inputs = {}
        for entry in fields.get(2, []):
            parts = _fields(entry)
            (name,), (tensor,) = parts[1], parts[2]
            proto: Any = tensor_pb2
            tensor = proto.TensorProto.FromString(tensor)
            inputs[name.decode()] = tf.make_ndarray(tensor)
        yield signature_name.decode(), inputs


def _fields(message: bytes) -> dict[int, list[bytes]]:
    """Decodes a message of length-delimited fields, by their numbers."""
    fields, place = collections.defaultdict(list), 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place, value = place + 1, value | (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(message):
        number, length = varint() >> 3, varint()
        fields[number].append(message[place : place + length])
        place += length
    return fields


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
