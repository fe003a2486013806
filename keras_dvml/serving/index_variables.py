"""The index of a published model, read from the model's variables."""

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from keras_dvml.index import ExactIndex, Index, ScannIndex
from keras_dvml.index.scann_library import used_parts
from keras_dvml.index.text_ids import text_ids

_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def read_index(folder: str, facts: Mapping[str, Any]) -> Index | None:
    """Returns the index of a SavedModel, `None` where it holds none.

    Args:
        folder: The SavedModel.
        facts: As `read_facts` returns them.

    Raises:
        ValueError: If the variables are not those of an index.
    """
    path = os.path.join(folder, "variables", "variables")
    # `tf.train.load_checkpoint` takes a name in an object store for a folder.
    reader = tf.compat.v1.train.NewCheckpointReader(path)
    held = {
        name.removeprefix("index/").removesuffix(_SUFFIX): name
        for name in reader.get_variable_to_shape_map()
        if name.startswith("index/")
    }
    if not held:
        return None
    ids = text_ids(reader.get_tensor(held["_built_ids"]))
    metric = facts["metric"]
    if "_stored" in held:
        stored, scales = (
            reader.get_tensor(held[name]) for name in ("_stored", "_scales")
        )
        recall = facts["recall@10"]
        arrays = {"stored": stored, "scales": scales, "recall": recall}
        return ExactIndex.from_arrays(arrays, ids, metric)
    prefix = "_state/"
    arrays = used_parts(
        {
            name.removeprefix(prefix): reader.get_tensor(held[name])
            for name in held
            if name.startswith(prefix)
        }
    )
    if settings := facts.get("scann"):
        return ScannIndex.from_arrays({**arrays, **settings}, ids, metric)
    # Of before facts had what is searched of the tree.
    return ScannIndex.build(arrays["dataset"], ids, metric=metric)
