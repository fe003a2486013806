"""A stand-in for TensorFlow Serving's binary, which no registry carries.

    python model_server.py --model_base_path saved_models/birds

It keeps what is published of the contract: folders, flags and warm-up, the
PredictionService and ModelService of `tensorflow-serving-api` over gRPC, and
the URLs and JSON of the REST API. Behind both is the SavedModel as TensorFlow
loads it. It serves the newest version there is when it starts.

Prints `{"rest": port, "grpc": port}` when it is ready; without
`tensorflow-serving-api` the second is null.
"""

import argparse
import base64
import concurrent.futures
import http.server
import json
import os
import re

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"


class BadRequestError(Exception):
    """What a server answers with INVALID_ARGUMENT, or HTTP status 400."""


class ServedModel:
    """The newest version of a model."""

    def __init__(self, base_path, name):
        versions = [
            int(name) for name in os.listdir(base_path) if name.isdecimal()
        ]
        self.name = name
        self.version = max(versions)
        folder = os.path.join(base_path, str(self.version))
        with open(os.path.join(folder, "saved_model.pb"), "rb") as file:
            saved_model = saved_model_pb2.SavedModel.FromString(file.read())
        self.signature_defs = saved_model.meta_graphs[0].signature_def
        if b"Scann>" in saved_model.SerializeToString():
            import scann  # noqa: F401
        self._loaded = tf.saved_model.load(folder)
        self._functions = self._loaded.signatures
        self.num_warm_up_requests = self._warm_up(folder)

    def _warm_up(self, folder):
        path = os.path.join(folder, WARM_UP_FILE)
        try:
            from tensorflow_serving.apis import prediction_log_pb2
        except ImportError:
            return None
        number = 0
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            request = log.predict_log.request
            self.predict(
                request.model_spec.signature_name,
                {
                    name: tf.make_ndarray(value)
                    for name, value in request.inputs.items()
                },
            )
            number += 1
        return number

    def input_specs(self, signature_name):
        if signature_name not in self._functions:
            raise BadRequestError(
                f'Serving signature name: "{signature_name}" not found in '
                "signature def"
            )
        _, specs = self._functions[signature_name].structured_input_signature
        return specs

    def predict(self, signature_name, inputs):
        """Returns the outputs of a signature, as arrays by name."""
        specs = self.input_specs(signature_name)
        if inputs.keys() != specs.keys():
            raise BadRequestError(
                f"inputs must be {sorted(specs)}; received {sorted(inputs)}"
            )
        tensors = {}
        for name, value in inputs.items():
            try:
                tensors[name] = tf.constant(value, specs[name].dtype)
            except (TypeError, ValueError) as error:
                raise BadRequestError(f"{name}: {error}") from None
            if not specs[name].shape.is_compatible_with(tensors[name].shape):
                raise BadRequestError(
                    f"{name} must have shape {specs[name].shape}; received "
                    f"{tensors[name].shape}"
                )
        try:
            outputs = self._functions[signature_name](**tensors)
        except tf.errors.InvalidArgumentError as error:
            raise BadRequestError(error.message) from None
        return {name: value.numpy() for name, value in outputs.items()}


class RestHandler(http.server.BaseHTTPRequestHandler):
    """https://www.tensorflow.org/tfx/serving/api_rest."""

    model = None
    protocol_version = "HTTP/1.1"
    path_pattern = re.compile(
        r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?"
        r"(?P<rest>/metadata|:predict)?"
    )

    def do_GET(self):  # noqa: N802
        found = self._found()
        if found is None:
            return
        if found["rest"] == "/metadata":
            signatures = {
                name: {
                    part: {
                        key: {"dtype": types_pb2.DataType.Name(info.dtype)}
                        for key, info in getattr(signature, part).items()
                    }
                    for part in ("inputs", "outputs")
                }
                for name, signature in self.model.signature_defs.items()
            }
            self._answer(
                200,
                {"metadata": {"signature_def": {"signature_def": signatures}}},
            )
            return
        state = {
            "version": str(self.model.version),
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        self._answer(200, {"model_version_status": [state]})

    def do_POST(self):  # noqa: N802
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self._found() is None:
            return
        try:
            self._answer(200, self._predicted(body))
        except BadRequestError as error:
            self._answer(400, {"error": str(error)})

    def _found(self):
        found = self.path_pattern.fullmatch(self.path)
        if (
            found is None
            or found["name"] != self.model.name
            or found["version"] not in (None, str(self.model.version))
        ):
            self._answer(
                404, {"error": f"Servable not found for request: {self.path}"}
            )
            return None
        return found

    def _predicted(self, body):
        try:
            request = json.loads(body)
        except ValueError as error:
            raise BadRequestError(f"JSON Parse error: {error}") from None
        if not isinstance(request, dict):
            raise BadRequestError("JSON Value: not an object")
        signature = request.get("signature_name", "serving_default")
        names = sorted(self.model.input_specs(signature))
        if "instances" in request:
            inputs = _columns(request["instances"], names)
            outputs = self.model.predict(signature, inputs)
            return {"predictions": _rows(outputs)}
        if "inputs" in request:
            inputs = request["inputs"]
            if not _is_named(inputs, names):
                inputs = {names[0]: inputs}
            inputs = {name: _value(value) for name, value in inputs.items()}
            outputs = self.model.predict(signature, inputs)
            outputs = {
                name: _json(name, value) for name, value in outputs.items()
            }
            return {
                "outputs": (
                    outputs
                    if len(outputs) > 1
                    else next(iter(outputs.values()))
                )
            }
        raise BadRequestError("Missing 'inputs' or 'instances' key")

    def _answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _is_named(value, names):
    return isinstance(value, dict) and value.keys() <= set(names)


def _columns(instances, names):
    if not isinstance(instances, list) or not instances:
        raise BadRequestError("'instances' must be a non-empty list")
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
            raise BadRequestError(f"not a value: an object of {list(value)}")
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (TypeError, ValueError):
            raise BadRequestError("Unable to base64 decode") from None
    return value


def _rows(outputs):
    """Returns one value an instance, an object where there are more names."""
    columns = {name: _json(name, value) for name, value in outputs.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]


def _json(name, value):
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            return value.tolist()
        return [_json(name, part) for part in value]
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode()


def start_grpc(model, port):
    """Starts a gRPC server; returns it and its port."""
    import grpc
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    def checked(request, context):
        spec = request.model_spec
        if spec.name != model.name or (
            spec.HasField("version") and spec.version.value != model.version
        ):
            context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: {spec.name}",
            )

    class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802
            checked(request, context)
            signature = request.model_spec.signature_name or "serving_default"
            try:
                outputs = model.predict(
                    signature,
                    {
                        name: tf.make_ndarray(value)
                        for name, value in request.inputs.items()
                    },
                )
            except BadRequestError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            wanted = request.output_filter or outputs
            response = predict_pb2.PredictResponse()
            response.model_spec.name = model.name
            response.model_spec.version.value = model.version
            response.model_spec.signature_name = signature
            for name in wanted:
                response.outputs[name].CopyFrom(
                    tf.make_tensor_proto(outputs[name])
                )
            return response

        def GetModelMetadata(self, request, context):  # noqa: N802
            checked(request, context)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = model.name
            response.model_spec.version.value = model.version
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in model.signature_defs.items():
                signatures.signature_def[name].CopyFrom(
                    meta_graph_pb2.SignatureDef.FromString(
                        signature.SerializeToString()
                    )
                )
            response.metadata["signature_def"].Pack(signatures)
            return response

    class Models(model_service_pb2_grpc.ModelServiceServicer):
        def GetModelStatus(self, request, context):  # noqa: N802
            checked(request, context)
            response = get_model_status_pb2.GetModelStatusResponse()
            status = response.model_version_status.add(version=model.version)
            status.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
            return response

    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(8),
        options=[("grpc.max_receive_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Predictions(), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(), server)
    port = server.add_insecure_port(f"localhost:{port}")
    server.start()
    return server, port


class RestServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_base_path", required=True)
    parser.add_argument("--model_name", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rest_api_port", type=int, default=0)
    arguments = parser.parse_args()
    model = ServedModel(arguments.model_base_path, arguments.model_name)
    RestHandler.model = model
    rest = RestServer(("localhost", arguments.rest_api_port), RestHandler)
    grpc_port = None
    try:
        _server, grpc_port = start_grpc(model, arguments.port)
    except ImportError:
        pass
    ready = {
        "rest": rest.server_port,
        "grpc": grpc_port,
        "warm_up_requests": model.num_warm_up_requests,
    }
    print(json.dumps(ready), flush=True)
    rest.serve_forever()


if __name__ == "__main__":
    main()
