"""Writes a model, with an index or without, as SavedModels."""

import json
import os

import numpy as np
import tensorflow as tf

from keras_dvml.index import ExactIndex, ScannIndex, measure_recall
from keras_dvml.serving.signatures import EmbedModule, SearchModule
from keras_dvml.serving.versions import next_version
from keras_dvml.serving.warm_up import write_warm_up
from keras_dvml.whole_files import whole_folder

#: Facts about the index, below a version's folder.
INDEX_FACTS_FILE = os.path.join("assets.extra", "index.json")


def export(model, path, index=None, k=10, recall_floor=0.95):
    """Writes the next version of a served model, atomically.

    Without an index the model embeds. With an `ExactIndex` it also searches,
    in any TensorFlow Serving. With a `ScannIndex` two flavours are written
    under one version: `<path>/<version>` with an exact index, and
    `<path>-scann/<version>` with the ScaNN index, for servers that have its
    operations: a single such operation makes a whole SavedModel unloadable
    where they are missing.

    Args:
        model: `models.MetricModel`, or a Keras model from square images in
            0..255 to embeddings.
        path: str or `os.PathLike`. Folder of the model's versions.
        index: `index.Index` over the gallery, or `None`.
        k: int. Results of a search; fixed in the graph, so that servers can
            batch requests.
        recall_floor: float in 0..1. Least recall@10 against exact search that
            a `ScannIndex` is exported with.

    Returns:
        list of str. The folders written, the stock flavour first.

    Raises:
        ValueError: If k exceeds the gallery, the index has another width than
            the model's embeddings, or its recall is under the floor. Nothing
            is written then.
    """
    path = os.path.abspath(os.fspath(path))
    flavours = {path: index}
    if isinstance(index, ScannIndex):
        exact = ExactIndex(index.embeddings, index.ids.numpy())
        recall = measure_recall(index, exact)
        if recall < recall_floor:
            raise ValueError(
                f"the ScannIndex has recall@10 {recall:.3f}, under "
                f"recall_floor={recall_floor}"
            )
        flavours = {path: exact, f"{path}-scann": index}
    version = str(next_version(*flavours))
    folders = {
        os.path.join(base_dir, version): flavour
        for base_dir, flavour in flavours.items()
    }
    # The stock flavour last: where a version of it stands, so does its twin.
    for folder, flavour in reversed(folders.items()):
        write_saved_model(model, folder, flavour, k)
    return list(folders)


def write_saved_model(model, path, index=None, k=10):
    """Writes one SavedModel, whole or not at all.

    Signatures: `serving_default` = `embed`, from `image_bytes` to
    `embedding`; with an index also `search`, from `image_bytes` to `ids` and
    `scores`, and `search_embedding`, from `embedding` to the same. Warm-up
    requests for each, and with an index its measured recall, go into
    `assets.extra`.

    Args:
        model: As for `export`.
        path: str. The SavedModel's folder; must not exist.
        index: `index.Index` or `None`.
        k: int. Results of a search.

    Raises:
        FileExistsError: If `path` exists.
        ValueError: If k exceeds the gallery, or the index has another width
            than the model's embeddings.
    """
    module = (
        EmbedModule(model) if index is None else _search_module(model, index, k)
    )
    with whole_folder(os.fspath(path)) as folder:
        tf.saved_model.save(
            module,
            folder,
            signatures=module.signatures(),
            options=tf.saved_model.SaveOptions(namespace_whitelist=["Scann"]),
        )
        write_warm_up(folder, _warm_up_requests(module.image_size, index))
        if index is not None:
            _write_index_facts(folder, index, k)


def _search_module(model, index, k):
    module = SearchModule(model, index, k)
    dim = module.embed(_sample_image(module.image_size)).shape[1]
    if dim != index.dim:
        raise ValueError(
            f"the model embeds into {dim} dimensions, but the index holds "
            f"embeddings of {index.dim}"
        )
    return module


def _warm_up_requests(image_size, index):
    image_bytes = {"image_bytes": _sample_image(image_size)}
    requests = [("serving_default", image_bytes), ("embed", image_bytes)]
    if index is not None:
        embedding = {"embedding": np.zeros((1, index.dim), np.float32)}
        requests += [("search", image_bytes), ("search_embedding", embedding)]
    return requests


def _sample_image(image_size):
    pixels = tf.fill((image_size, image_size, 3), tf.constant(128, tf.uint8))
    return tf.io.encode_png(pixels)[None]


def _write_index_facts(folder, index, k):
    exact = ExactIndex(index.embeddings, index.ids.numpy())
    facts = {
        "index": type(index).__name__,
        "num_embeddings": len(index),
        "embedding_dim": index.dim,
        "k": k,
        "recall@10": measure_recall(index, exact),
    }
    with open(os.path.join(folder, INDEX_FACTS_FILE), "w") as file:
        json.dump(facts, file, indent=2)
