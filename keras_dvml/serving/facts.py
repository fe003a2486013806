"""What was measured about a model that searches, written beside it."""

import json
import os

import tensorflow as tf

from keras_dvml.index import ExactIndex, median_seconds

#: Below a version's folder.
INDEX_FACTS_FILE = os.path.join("assets.extra", "index.json")

_NUM_REQUESTS = 10


def write_facts(folder, module, requests, ops):
    """Writes facts about a SavedModel's index.

    Args:
        folder: str. The SavedModel.
        module: `signatures.SearchModule` that it holds.
        requests: dict from a signature to `(function, inputs)`; how long each
            takes is measured.
        ops: sequence of str. The custom operations that the SavedModel needs.
    """
    index = module.index
    facts = {
        "index": type(index).__name__,
        "num_embeddings": len(index),
        "embedding_dim": index.dim,
        "metric": index.metric,
        "k": module.k,
        "match_threshold": module.match_threshold,
        "recall@10": index.measured_recall(),
        "milliseconds": {
            name: _milliseconds(function, inputs)
            for name, (function, inputs) in requests.items()
        },
        "measured_on": f"{os.cpu_count()} CPUs, one request at a time",
        "tensorflow": tf.__version__,
        "custom_ops": list(ops),
    }
    if isinstance(index, ExactIndex):
        facts["storage"] = index.storage
    with open(os.path.join(folder, INDEX_FACTS_FILE), "w") as file:
        json.dump(facts, file, indent=2)


def _milliseconds(function, inputs):
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    (seconds,) = median_seconds(
        [lambda: function(**inputs)], [()] * _NUM_REQUESTS
    )
    return round(1000 * seconds, 3)
