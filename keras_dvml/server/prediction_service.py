"""TensorFlow Serving's PredictionService and ModelService over gRPC."""

# The classes of protocol buffers are made as they are loaded.
# pyright: reportAttributeAccessIssue=false

import concurrent.futures
import hmac
from typing import Any

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from keras_dvml.server.limits import Limits
from keras_dvml.server.models import Models, UnknownModelError
from keras_dvml.server.served_model import RequestError


def start_grpc(
    models: Models,
    limits: Limits,
    address: str,
    token: str | None = None,
    tls: tuple[bytes, bytes] | None = None,
) -> tuple[Any, int]:
    """Starts a gRPC server.

    Args:
        models: What is served.
        limits: Of a request, and of all at once.
        address: Host and port, 0 for a free one.
        token: As of `rest.Rest`.
        tls: Key and certificate, PEM.

    Returns:
        The server and its port.

    Raises:
        OSError: If the port is taken.
    """
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(limits.num_at_once),
        maximum_concurrent_rpcs=limits.most_waiting,
        options=[("grpc.max_receive_message_length", limits.most_bytes)],
        interceptors=[_Token(token)] if token else [],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _Predictions(models), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        _ModelStates(models), server
    )
    try:
        if tls:
            credentials = grpc.ssl_server_credentials([tls])
            port = server.add_secure_port(address, credentials)
        else:
            port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"gRPC cannot listen at {address}: {error}") from error
    server.start()
    return server, port


class _Token(grpc.ServerInterceptor):
    def __init__(self, token):
        self._wanted = f"Bearer {token}".encode()
        self._refused = grpc.unary_unary_rpc_method_handler(
            lambda request, context: context.abort(
                grpc.StatusCode.UNAUTHENTICATED,
                "the metadata must have authorization: Bearer TOKEN",
            )
        )

    def intercept_service(self, continuation, handler_call_details):
        metadata = dict(handler_call_details.invocation_metadata)
        given = str(metadata.get("authorization", "")).encode()
        if hmac.compare_digest(given, self._wanted):
            return continuation(handler_call_details)
        return self._refused


def _served(models, request, context):
    spec = request.model_spec
    version = spec.version.value if spec.HasField("version") else None
    try:
        return models.get(spec.name, version)
    except UnknownModelError as error:
        context.abort(grpc.StatusCode.NOT_FOUND, str(error))


class _Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models):
        self._models = models

    def Predict(self, request, context):  # noqa: N802
        served: Any = _served(self._models, request, context)
        signature = request.model_spec.signature_name or "serving_default"
        try:
            inputs = {
                name: tf.make_ndarray(value)
                for name, value in request.inputs.items()
            }
            outputs = served.predict(signature, inputs)
            wanted = request.output_filter or outputs
            if unknown := set(wanted) - outputs.keys():
                raise RequestError(f"no outputs: {', '.join(sorted(unknown))}")
        except (RequestError, TypeError, ValueError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = predict_pb2.PredictResponse()
        _fill_spec(response, request, served)
        response.model_spec.signature_name = signature
        for name in wanted:
            response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        return response

    def GetModelMetadata(self, request, context):  # noqa: N802
        served: Any = _served(self._models, request, context)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        _fill_spec(response, request, served)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in served.signature_defs.items():
            signatures.signature_def[name].CopyFrom(
                meta_graph_pb2.SignatureDef.FromString(
                    signature.SerializeToString()
                )
            )
        response.metadata["signature_def"].Pack(signatures)
        return response


class _ModelStates(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self._models = models

    def GetModelStatus(self, request, context):  # noqa: N802
        served: Any = _served(self._models, request, context)
        response = get_model_status_pb2.GetModelStatusResponse()
        status = response.model_version_status.add(version=served.version)
        status.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        return response


def _fill_spec(response, request, served):
    response.model_spec.name = request.model_spec.name
    response.model_spec.version.value = served.version
