"""What TensorFlow Serving's REST API writes as JSON, to arrays and back.

https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_dvml.server.served_model import RequestError


def read_request(body: bytes) -> dict[str, Any]:
    """Returns a request as a dict.

    Raises:
        RequestError: If it is none.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"JSON Parse error: {error}") from None
    if not isinstance(request, dict):
        raise RequestError("JSON Value: not an object")
    if not isinstance(request.get("signature_name", ""), str):
        raise RequestError("'signature_name' must be a string")
    return request


def read_inputs(
    request: dict[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """Returns the inputs of a request, by name.

    Args:
        request: From `read_request`, in the row or the column format.
        names: Of the signature's inputs.

    Raises:
        RequestError: If it is in neither.
    """
    if "instances" in request:
        return _columns(request["instances"], names)
    if "inputs" in request:
        inputs = request["inputs"]
        if not _is_named(inputs, names):
            inputs = {names[0]: inputs}
        return {name: _value(value) for name, value in inputs.items()}
    raise RequestError("Missing 'inputs' or 'instances' key")


def write_outputs(
    request: Mapping[str, Any], outputs: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Returns outputs in the format of their request."""
    columns = {name: _json(name, value) for name, value in outputs.items()}
    is_single = len(columns) == 1
    if "instances" not in request:
        single = next(iter(columns.values()))
        return {"outputs": single if is_single else columns}
    if is_single:
        return {"predictions": next(iter(columns.values()))}
    rows = zip(*columns.values(), strict=True)
    return {
        "predictions": [dict(zip(columns, row, strict=True)) for row in rows]
    }


def _is_named(value, names):
    return isinstance(value, dict) and value.keys() <= set(names)


def _columns(instances, names):
    if not isinstance(instances, list) or not instances:
        raise RequestError("'instances' must be a non-empty list")
    rows = [
        row if _is_named(row, names) else {names[0]: row} for row in instances
    ]
    return {
        name: [_value(row[name]) for row in rows]
        for name in names
        if all(name in row for row in rows)
    }


def _value(value):
    if isinstance(value, list):
        return [_value(part) for part in value]
    if isinstance(value, dict):
        if value.keys() != {"b64"}:
            raise RequestError(f"not a value: an object of {list(value)}")
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (TypeError, ValueError):
            raise RequestError("Unable to base64 decode") from None
    return value


def _json(name, value):
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            return value.tolist()
        return [_json(name, part) for part in value]
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode()
