"""What was measured about a model that searches, written beside it."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from keras_dvml.index import ExactIndex, ScannIndex, median_seconds
from keras_dvml.serving.signatures import SearchModule

#: Below a version's folder.
INDEX_FACTS_FILE = os.path.join("assets.extra", "index.json")

_NUM_REQUESTS = 10


def write_facts(
    folder: str,
    module: SearchModule,
    signatures: Mapping[str, Callable],
    requests: Mapping[str, Mapping[str, Any]],
    ops: Sequence[str],
    remark: str = "",
) -> None:
    """Writes facts about a SavedModel's index.

    Args:
        folder: The SavedModel.
        module: What it holds.
        signatures: Functions by name.
        requests: Inputs by a signature's name; how long each takes is
            measured.
        ops: The custom operations that the SavedModel needs.
        remark: What else is to be known of it.
    """
    index = module.index
    facts = {
        "index": type(index).__name__,
        "num_embeddings": len(index),
        "embedding_dim": index.dim,
        "metric": index.metric,
        "k": module.k,
        "match_threshold": module.match_threshold,
        **module.match_rates,
        "recall@10": index.measured_recall(),
        "milliseconds": {
            name: _milliseconds(signatures[name], inputs)
            for name, inputs in requests.items()
        },
        "measured_on": f"{os.cpu_count()} CPUs, one request at a time",
        "tensorflow": tf.__version__,
        "custom_ops": list(ops),
    }
    if isinstance(index, ExactIndex):
        facts["storage"] = index.storage
    if isinstance(index, ScannIndex):
        facts["scann"] = index.settings()
    if remark:
        facts["remark"] = remark
    with open(os.path.join(folder, INDEX_FACTS_FILE), "w") as file:
        json.dump(facts, file, indent=2)


def read_facts(folder: str) -> dict[str, Any]:
    """Reads what `write_facts` wrote; empty where it wrote nothing.

    Args:
        folder: A SavedModel, which may lie in an object store.
    """
    path = os.path.join(folder, INDEX_FACTS_FILE)
    if not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


def _milliseconds(function: Callable, inputs: Mapping[str, Any]) -> float:
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    (seconds,) = median_seconds(
        [lambda: function(**tensors)], [()] * _NUM_REQUESTS
    )
    return round(1000 * seconds, 3)
