"""What clients of TensorFlow Serving may count on, of `keras-dvml serve`.

TensorFlow Serving's binary is in no package registry; the server keeps to its
published protos and the REST API's conventions, over the loaded SavedModel.
"""

import base64
import json
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.xdist_group("served model")


def post(url, request, path=":predict"):
    """Returns status and content of the answer to a REST request."""
    data = (
        request if isinstance(request, bytes) else json.dumps(request).encode()
    )
    try:
        with urllib.request.urlopen(url + path, data, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def get(url, path=""):
    with urllib.request.urlopen(url + path, timeout=60) as answer:
        return json.load(answer)


def b64(image_bytes):
    return {"b64": base64.b64encode(image_bytes).decode()}


@pytest.fixture
def images(served):
    return [b64(image_bytes) for image_bytes in served.files.values()]


@pytest.fixture
def grpc_predict(served):
    """Sends a gRPC request; returns the outputs as arrays by name."""
    if served.grpc_address is None:
        pytest.skip("tensorflow-serving-api is not installed")
    import grpc
    from tensorflow_serving.apis import (
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    channel = grpc.insecure_channel(served.grpc_address)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def predict(signature_name, model_name="birds", **inputs):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model_name
        request.model_spec.signature_name = signature_name
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = stub.Predict(request, timeout=60)
        return {
            name: tf.make_ndarray(value)
            for name, value in response.outputs.items()
        }

    yield predict
    channel.close()


def test_server_tells_which_version_it_serves(served):
    (status,) = get(served.url)["model_version_status"]
    assert status["version"] == "1" and status["state"] == "AVAILABLE"


def test_server_tells_the_names_and_types_of_signatures(served):
    signatures = get(served.url, "/metadata")["metadata"]["signature_def"]
    signatures = signatures["signature_def"]
    for name in ("serving_default", "embed", "search"):
        assert signatures[name]["inputs"] == {
            "image_bytes": {"dtype": "DT_STRING"}
        }
    assert signatures["search_embedding"]["outputs"] == {
        "ids": {"dtype": "DT_STRING"},
        "scores": {"dtype": "DT_FLOAT"},
        "is_match": {"dtype": "DT_BOOL"},
    }


@pytest.mark.parametrize(
    "request_of",
    [
        lambda images: {"instances": images},
        lambda images: {
            "signature_name": "embed",
            "instances": [{"image_bytes": image} for image in images],
        },
        lambda images: {"inputs": images},
        lambda images: {"inputs": {"image_bytes": images}},
    ],
    ids=["bare rows", "named rows", "bare column", "named column"],
)
def test_embeddings_over_rest_equal_the_keras_model(served, images, request_of):
    status, answer = post(served.url, request_of(images))
    assert status == 200
    ((_, embeddings),) = answer.items()
    np.testing.assert_allclose(embeddings, served.embeddings, atol=1e-5)


def test_search_over_rest_answers_row_by_row(served, images):
    ids, scores = served.index.search(served.embeddings, k=3)
    status, answer = post(
        served.url, {"signature_name": "search", "instances": images}
    )
    assert status == 200 and len(answer["predictions"]) == 30
    for row, row_ids, row_scores in zip(
        answer["predictions"], ids, scores, strict=True
    ):
        assert row["ids"] == row_ids.tolist()
        np.testing.assert_allclose(row["scores"], row_scores, atol=1e-5)
        assert row["is_match"] == [
            score >= served.match_threshold for score in row["scores"]
        ]


def test_search_by_embedding_over_rest(served):
    rows = served.embeddings.tolist()
    request = {"signature_name": "search_embedding", "instances": rows}
    status, answer = post(served.url, request, path="/versions/1:predict")
    assert status == 200
    found = [row["ids"][0] for row in answer["predictions"]]
    assert found == list(served.files)


def test_ids_over_grpc_equal_those_of_the_index(served, grpc_predict):
    ids, scores = served.index.search(served.embeddings, k=3)
    files = list(served.files.values())
    for found in (
        grpc_predict("search", image_bytes=files),
        grpc_predict("search_embedding", embedding=served.embeddings),
    ):
        assert found["ids"].astype("U").tolist() == ids.tolist()
        np.testing.assert_allclose(found["scores"], scores, atol=1e-5)
        assert found["is_match"].dtype == bool
    embedded = grpc_predict("", image_bytes=files)
    np.testing.assert_allclose(
        embedded["embedding"], served.embeddings, atol=1e-5
    )


def test_warm_up_was_replayed_before_the_first_request(served):
    assert served.num_warm_up_requests == 6


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (b"{", "JSON"),
        ({}, "Missing"),
        ({"instances": []}, "non-empty"),
        ({"instances": [{"b64": "?"}]}, "base64"),
        ({"instances": [{"b64": ""}]}, "an image must be"),
        ({"instances": ["hello"]}, "an image must be"),
        ({"signature_name": "ids", "instances": ["a"]}, "not found"),
        ({"inputs": {"pictures": ["a"]}}, "pictures"),
        (
            {"signature_name": "search_embedding", "instances": [[1, 2]]},
            "shape",
        ),
        (
            b'{"signature_name":"search_embedding","instances":[[NaN'
            + 7 * b",0"
            + b"]]}",
            "embedding must be finite",
        ),
    ],
)
def test_bad_rest_requests_get_400_and_the_reason(served, request_, message):
    status, answer = post(served.url, request_)
    assert status == 400 and message in answer["error"]


def test_unknown_models_and_versions_get_404(served, images):
    for url in (served.url + "s", served.url + "/versions/2"):
        status, answer = post(url, {"instances": images[:1]})
        assert status == 404 and "not found" in answer["error"]


def test_bad_grpc_requests_get_their_status(served, grpc_predict):
    import grpc

    image = [next(iter(served.files.values()))]
    nan = np.full((1, 8), np.nan, np.float32)
    for code, arguments in (
        ("INVALID_ARGUMENT", {"signature_name": "ids", "image_bytes": image}),
        ("INVALID_ARGUMENT", {"signature_name": "embed", "image": image}),
        ("INVALID_ARGUMENT", {"signature_name": "embed", "image_bytes": [b""]}),
        (
            "INVALID_ARGUMENT",
            {"signature_name": "search_embedding", "embedding": nan},
        ),
        (
            "NOT_FOUND",
            {
                "signature_name": "embed",
                "model_name": "fish",
                "image_bytes": image,
            },
        ),
    ):
        with pytest.raises(grpc.RpcError) as error:
            grpc_predict(**arguments)
        assert error.value.code().name == code
    assert grpc_predict("embed", image_bytes=image)["embedding"].shape == (1, 8)


@pytest.fixture
def saved_model_cli(run_forked):
    """Runs TensorFlow's own tool and returns what it printed."""

    def run(*arguments):
        module = "tensorflow.python.tools.saved_model_cli"
        code = f"""
import runpy
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""
        return run_forked(code, *arguments)

    return run


def test_saved_model_cli_shows_the_signatures(served, saved_model_cli):
    shown = saved_model_cli("show", "--dir", served.folder, "--all")
    for name in ("serving_default", "embed", "search", "search_embedding"):
        assert f"signature_def['{name}']" in shown
    assert "inputs['image_bytes']" in shown and "outputs['is_match']" in shown


def test_saved_model_cli_runs_a_search(served, saved_model_cli, tmp_path):
    np.save(tmp_path / "queries.npy", served.embeddings[:2])
    saved_model_cli(
        "run",
        f"--dir={served.folder}",
        "--tag_set=serve",
        "--signature_def=search_embedding",
        f"--inputs=embedding={tmp_path / 'queries.npy'}",
        f"--outdir={tmp_path}",
        "--overwrite",
    )
    ids = np.load(tmp_path / "ids.npy", allow_pickle=True)
    assert ids[:, 0].tolist() == [b"bird 0.png", b"bird 1.png"]
