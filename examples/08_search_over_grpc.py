"""Searches a served model over gRPC: faster than REST, images go as they are.

    python examples/08_search_over_grpc.py query.jpg --gallery images/ \
        --url localhost:8500 --model glyphs --sheet results.png

As 07_search_over_rest.py, with `pip install tensorflow-serving-api pillow`.
The query is embedded first, and the embedding searched with: what a client
does that keeps embeddings, and searches with one again and again.
"""

import argparse
import pathlib

import grpc
import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("query", type=pathlib.Path)
parser.add_argument("--url", default="localhost:8500")
parser.add_argument("--model", default="glyphs")
parser.add_argument("--gallery", type=pathlib.Path)
parser.add_argument("--sheet", default="results.png")
arguments = parser.parse_args()

channel = grpc.insecure_channel(arguments.url)
service = prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict(signature_name, **inputs):
    """Sends inputs to a signature; returns its outputs as arrays by name."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = arguments.model
    request.model_spec.signature_name = signature_name
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    try:
        response = service.Predict(request, timeout=30)
    except grpc.RpcError as error:
        raise SystemExit(f"{error.code().name}: {error.details()}") from None
    return {
        name: tf.make_ndarray(value) for name, value in response.outputs.items()
    }


def tile(path, caption):
    """Draws an image with a line below it."""
    square = Image.new("RGB", (128, 146), "lightgrey")
    if path and path.is_file():
        square.paste(Image.open(path).convert("RGB").resize((128, 128)))
    ImageDraw.Draw(square).text((4, 132), caption, fill="black")
    return square


embedding = predict("embed", image_bytes=[arguments.query.read_bytes()])
embedding = embedding["embedding"]
print(f"{arguments.query} is a point in {embedding.shape[1]} dimensions.")

found = predict("search_embedding", embedding=embedding.astype(np.float32))
tiles = [tile(arguments.query, "query")]
for image_id, score in zip(found["ids"][0], found["scores"][0], strict=True):
    if not image_id:
        continue  # The gallery holds fewer images than a search returns.
    print(f"  {score:.3f}  {image_id.decode()}")
    path = arguments.gallery and arguments.gallery / image_id.decode()
    tiles.append(tile(path, f"{score:.3f}"))

if "is_match" in found:
    print(f"{found['is_match'][0].sum()} of them are similar enough to match.")

sheet = Image.new("RGB", (136 * len(tiles), 146), "white")
for number, one in enumerate(tiles):
    sheet.paste(one, (136 * number, 0))
sheet.save(arguments.sheet)
print(f"See {arguments.sheet}")
