r"""What a served search costs beside the backbone and the index it is made of.

    python benchmarks/serving.py

Cost: two minutes on 2 CPU cores.

Two tables over exported SavedModels, loaded again, with a gallery of 60,502
clustered vectors of 128 dimensions:

- `search_embedding` in batches of 256 beside `search` of the index that the
  model holds;
- `search` of image files beside the backbone on the same images, decoded, and
  the index on their embeddings. What is neither is decoding, resizing and the
  graph around them.

All columns of a row are measured in turns within one loop; medians.
"""

import argparse
import io
import os
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import figures
import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import keras_dvml as kd

GALLERY_SIZE, DIM, K = 60_502, 128, 10


def mobile_net(size):
    """Returns MobileNetV2 with random weights."""
    return keras.applications.MobileNetV2(
        include_top=False,
        pooling="avg",
        weights=None,
        input_shape=(size, size, 3),
    )


BACKBONES = {
    # Name -> size of the model's images, of the files, their kind, backbone.
    "CNN of 4 blocks, 48x48": (48, 48, "PNG", kd.models.conv_backbone),
    "MobileNetV2, 96x96": (96, 256, "JPEG", mobile_net),
    "MobileNetV2, 224x224": (224, 500, "JPEG", mobile_net),
}
# Of `search`, under 15% may be neither backbone nor index.
BAR = 1 / 0.85


def make_gallery():
    """Returns `(GALLERY_SIZE, DIM)` unit-length vectors around centres."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((GALLERY_SIZE // 5, DIM))
    rows = centres[random.integers(0, len(centres), GALLERY_SIZE)]
    rows = rows + 0.6 * random.standard_normal(rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def make_files(size, kind, count):
    """Returns encoded images with edges and areas, as photographs have."""
    random = np.random.default_rng(0)
    files = []
    for _ in range(count):
        coarse = random.integers(0, 256, (size // 8, size // 8, 3))
        image = Image.fromarray(coarse.astype(np.uint8)).resize((size, size))
        file = io.BytesIO()
        image.save(file, kind)
        files.append(file.getvalue())
    return tf.constant(files)


def medians(steps, seconds):
    """Runs the steps in turns; returns the median milliseconds of each."""
    times = {name: [] for name in steps}
    for step in steps.values():
        step()  # Traces its graph.
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    return {
        name: 1000 * statistics.median(values) for name, values in times.items()
    }


def load(path):
    """Returns the signatures of a SavedModel and keeps it alive with them."""
    model = tf.saved_model.load(path)
    return dict(model.signatures), model


def compare_embeddings(record, indexes, folder, seconds):
    """Adds what the signature costs beside the index, batches of 256."""
    size, *_, make_backbone = BACKBONES["CNN of 4 blocks, 48x48"]
    model = kd.models.EmbeddingModel(make_backbone(size), DIM)
    queries = make_gallery()[:256] + np.float32(0.01)
    record.header("index", "index, ms", "search_embedding, ms", "ratio")
    for name, index in indexes.items():
        path = os.path.join(folder, name)
        kd.serving.write_saved_model(model, path, index, K)
        signatures, _model = load(path)
        search = signatures["search_embedding"]
        times = medians(
            {
                "index": lambda index=index: index.search(queries, K),
                "signature": lambda search=search: search(
                    embedding=tf.constant(queries)
                )["ids"].numpy(),
            },
            seconds,
        )
        ratio = times["signature"] / times["index"]
        record.row(
            *(name, f"{times['index']:.2f}", f"{times['signature']:.2f}"),
            f"{ratio:.2f}",
        )
        record.figure(
            "search_embedding beside the index it holds, batches of 256",
            *(name, times["signature"]),
            floor=times["index"],
            unit="ms",
            against="floor",
            bar=1.3,
        )


def time_search(search, embed, lookup, files, size, seconds):
    """Returns medians of a search of files, and of what it is made of."""
    images = kd.data.decode_images(files, size)
    embeddings = embed(images)
    return medians(
        {
            "search": lambda: search(image_bytes=files)["ids"].numpy(),
            "backbone": lambda: embed(images).numpy(),
            "index": lambda: lookup(embeddings, K)[0].numpy(),
        },
        seconds,
    )


def compare_images(record, indexes, folder, seconds):
    """Adds how much of a search is neither backbone nor index."""
    record.header(
        *("backbone", "files", "index", "batch", "search, ms"),
        *("backbone, ms", "index, ms", "outside"),
    )
    for backbone, (size, file_size, kind, make_backbone) in BACKBONES.items():
        model = kd.models.EmbeddingModel(make_backbone(size), DIM)
        embed = tf.function(lambda images, model=model: model(images))
        for name, index in indexes.items():
            path = os.path.join(folder, f"{name}-{size}")
            kd.serving.write_saved_model(model, path, index, K)
            signatures, _model = load(path)
            lookup = tf.function(index.lookup, autograph=False)
            for batch in (1, 32):
                files = make_files(file_size, kind, batch)
                times = time_search(
                    *(signatures["search"], embed, lookup),
                    *(files, size, seconds),
                )
                inside = times["backbone"] + times["index"]
                record.row(
                    *(backbone, f"{kind} {file_size}x{file_size}", name, batch),
                    *(f"{times[one]:.2f}" for one in times),
                    f"{1 - inside / times['search']:.0%}",
                )
                record.figure(
                    "search of files beside backbone and index alone",
                    f"{backbone}, {name}, batch {batch}",
                    times["search"],
                    floor=inside,
                    unit="ms",
                    against="floor",
                    bar=BAR,
                )


def main():
    """Builds both indexes, exports them and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="measured per row"
    )
    figures.add_argument(parser)
    arguments = parser.parse_args()
    record = figures.Record(arguments.json)
    gallery = make_gallery()
    indexes = {
        "ExactIndex": kd.index.ExactIndex.build(gallery),
        "ScannIndex": kd.index.ScannIndex.build(gallery),
    }
    with tempfile.TemporaryDirectory() as folder:
        compare_embeddings(record, indexes, folder, arguments.seconds)
        compare_images(record, indexes, folder, arguments.seconds)
    record.save()


if __name__ == "__main__":
    main()
