"""Searches a served model over REST; needs Pillow, and no TensorFlow.

    python examples/07_search_over_rest.py query.jpg --gallery images/ \
        --url http://localhost:8501/v1/models/glyphs --sheet results.png

Embeds the query, finds the most similar images of the gallery and draws them
in a row. The ids in the answer are taken as paths below `--gallery`; without
it, or where there is no such file, a grey square is drawn. It needs a running
server: see docker-compose.yml beside this file.
"""

import argparse
import base64
import json
import pathlib
import urllib.error
import urllib.request

from PIL import Image, ImageDraw

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("query", type=pathlib.Path)
parser.add_argument("--url", default="http://localhost:8501/v1/models/glyphs")
parser.add_argument("--gallery", type=pathlib.Path)
parser.add_argument("--sheet", default="results.png")
arguments = parser.parse_args()


def predict(signature_name):
    """Sends the query to a signature; returns its prediction."""
    encoded = base64.b64encode(arguments.query.read_bytes()).decode()
    request = {
        "signature_name": signature_name,
        "instances": [{"image_bytes": {"b64": encoded}}],
    }
    body = json.dumps(request).encode()
    try:
        with urllib.request.urlopen(arguments.url + ":predict", body) as answer:
            return json.load(answer)["predictions"][0]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"refused: {json.load(error)['error']}") from None


def tile(path, caption):
    """Draws an image with a line below it."""
    square = Image.new("RGB", (128, 146), "lightgrey")
    if path and path.is_file():
        square.paste(Image.open(path).convert("RGB").resize((128, 128)))
    ImageDraw.Draw(square).text((4, 132), caption, fill="black")
    return square


embedding = predict("embed")
print(f"{arguments.query} is a point in {len(embedding)} dimensions.")

found = predict("search")
tiles = [tile(arguments.query, "query")]
for image_id, score in zip(found["ids"], found["scores"], strict=True):
    if not image_id:
        continue  # The gallery holds fewer images than a search returns.
    print(f"  {score:.3f}  {image_id}")
    path = arguments.gallery and arguments.gallery / image_id
    tiles.append(tile(path, f"{score:.3f}"))

if "is_match" in found:
    print(f"{sum(found['is_match'])} of them are similar enough to match.")

sheet = Image.new("RGB", (136 * len(tiles), 146), "white")
for number, one in enumerate(tiles):
    sheet.paste(one, (136 * number, 0))
sheet.save(arguments.sheet)
print(f"See {arguments.sheet}")
