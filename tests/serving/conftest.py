"""A model that is served while the tests of serving run."""

import dataclasses

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf

import keras_dvml as kd


@dataclasses.dataclass
class Served:
    """A server, and what it should know.

    Attributes:
        url: of the model, over REST.
        grpc_address: `None` where `tensorflow-serving-api` is missing.
        files: dict from id to image bytes, the gallery.
        embeddings: what the Keras model makes of them, in that order.
        index: what the server searches in.
        match_threshold: float.
        folder: of the version that is served.
        process: of the server.
        num_warm_up_requests: those replayed.
    """

    url: str
    grpc_address: str | None
    files: dict
    embeddings: np.ndarray
    index: kd.index.Index
    match_threshold: float
    folder: str
    process: psutil.Process
    num_warm_up_requests: int


@pytest.fixture(scope="session")
def served(tmp_path_factory, serving):
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (30, 16, 16, 3)).astype(np.uint8)
    files = {
        f"bird {number}.png": tf.io.encode_png(image).numpy()
        for number, image in enumerate(pixels)
    }
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
    embeddings = model.predict(pixels, verbose=0)
    index = kd.index.ExactIndex.build(embeddings, ids=list(files))
    _, scores = index.search(embeddings, k=3)
    threshold = float(np.median(scores[:, 1:]))
    base_path = tmp_path_factory.mktemp("saved_models") / "birds"
    (folder,) = kd.serving.export(
        model, base_path, index=index, k=3, match_threshold=threshold
    )
    with serving(base_path) as (process, ready):
        yield Served(
            url=f"{ready['url']}/v1/models/birds",
            grpc_address=ready["grpc_address"],
            files=files,
            embeddings=embeddings,
            index=index,
            match_threshold=threshold,
            folder=folder,
            process=psutil.Process(process.pid),
            num_warm_up_requests=ready["warm_up_requests"],
        )
