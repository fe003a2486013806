"""Writes a model, with an index or without, as SavedModels."""

import os

import tensorflow as tf

from keras_dvml.index import ExactIndex, ScannIndex
from keras_dvml.serving.custom_ops import custom_ops
from keras_dvml.serving.facts import write_facts
from keras_dvml.serving.notes import write_notes
from keras_dvml.serving.signatures import EmbedModule, SearchModule
from keras_dvml.serving.versions import next_version
from keras_dvml.serving.warm_up import write_warm_up
from keras_dvml.whole_files import whole_folder, whole_folders


def export(
    model,
    path,
    index=None,
    k=10,
    *,
    recall_floor=0.95,
    match_threshold=None,
    flavours=None,
):
    """Writes the next version of a served model, atomically.

    Without an index the model embeds. With an index it also searches; what
    was added to the index or removed from it is merged first. Of a
    `ScannIndex` there are two flavours under one version: "exact" at
    `<path>/<version>` with an exact index, for any TensorFlow Serving, and
    "scann" at `<path>-scann/<version>` with the ScaNN index, for servers that
    have its operations: a single such operation makes a whole SavedModel
    unloadable where they are missing. Beside the versions lie `README.md`,
    with the commands that serve them, and `models.config`. The flavours
    appear together or not at all.

    Args:
        model: `models.MetricModel`, or a Keras model from square images in
            0..255 to embeddings.
        path: str or `os.PathLike`. Folder of the model's versions.
        index: `index.Index` over the gallery, or `None`.
        k: int. Results of a search; fixed in the graph, so that servers can
            batch requests.
        recall_floor: float in 0..1. Least recall@10 against exact search that
            an index is exported with.
        match_threshold: float, `evaluation.MatchThreshold` or `None`. With
            one, searches also return `is_match`: whether a result's score
            reaches it.
        flavours: sequence of "exact" and "scann", or `None` for all: of a
            `ScannIndex` both, of an `ExactIndex` "exact".

    Returns:
        list of str. The folders written, the exact flavour first.

    Raises:
        ValueError: If k exceeds the gallery, the index has another width than
            the model's embeddings or a recall under the floor, an exact
            flavour would need custom operations, or flavours has what the
            index cannot give. Nothing is written then.
    """
    path = os.path.abspath(os.fspath(path))
    indexes = {path: index}
    if index is not None:
        index = index.rebuilt()
        _check_recall(index, recall_floor)
        by_flavour = _by_flavour(index, flavours)
        suffixes = {"exact": "", "scann": "-scann"}
        indexes = {
            path + suffixes[flavour]: one for flavour, one in by_flavour.items()
        }
    # Both flavours count alike, also where one of them is not written.
    version = str(next_version(path, f"{path}-scann"))
    targets = [os.path.join(base_dir, version) for base_dir in indexes]
    modules = [
        _module(model, one, k, match_threshold) for one in indexes.values()
    ]
    # The exact flavour last: where a version of it stands, so does its twin.
    with whole_folders(*reversed(targets)) as folders:
        for folder, module in zip(folders, reversed(modules), strict=True):
            _write(folder, module)
    for base_dir, target in zip(indexes, targets, strict=True):
        write_notes(base_dir, custom_ops(target))
    return targets


def write_saved_model(model, path, index=None, k=10, match_threshold=None):
    """Writes one SavedModel, whole or not at all.

    Signatures: `serving_default` = `embed`, from `image_bytes` to
    `embedding`; with an index also `search`, from `image_bytes` to `ids` and
    `scores`, and `search_embedding`, from `embedding` to the same. Warm-up
    requests for each, and with an index what was measured of it, go into
    `assets.extra`.

    Args:
        model: As for `export`.
        path: str. The SavedModel's folder; must not exist.
        index: `index.Index` or `None`.
        k: int. Results of a search.
        match_threshold: As for `export`.

    Raises:
        FileExistsError: If `path` exists.
        ValueError: If k exceeds the gallery, the index has another width than
            the model's embeddings, or the graph needs custom operations other
            than those of a `ScannIndex`.
    """
    module = _module(model, index, k, match_threshold)
    with whole_folder(os.fspath(path)) as folder:
        _write(folder, module)


def _module(model, index, k, match_threshold):
    if index is None:
        return EmbedModule(model)
    module = SearchModule(model, index.rebuilt(), k, match_threshold)
    _check_width(module)
    return module


def _write(folder, module):
    signatures = module.signatures()
    inputs = _sample_inputs(module)
    searches = isinstance(module, SearchModule)
    tf.saved_model.save(module, folder, signatures=signatures)
    ops = custom_ops(folder)
    _check_ops(ops, module.index if searches else None)
    write_warm_up(folder, list(inputs.items()))
    if searches:
        write_facts(folder, module, _timed(signatures, inputs), ops)


def _check_recall(index, recall_floor):
    recall = index.measured_recall()
    if recall < recall_floor:
        raise ValueError(
            f"the {type(index).__name__} has recall@10 {recall:.3f}, under "
            f"recall_floor={recall_floor}"
        )


def _by_flavour(index, flavours):
    """Returns the index of each flavour to be written, "exact" first."""
    possible = ["exact"]
    if isinstance(index, ScannIndex):
        possible.append("scann")
    if flavours is None:
        flavours = possible
    if not flavours or set(flavours) - set(possible):
        raise ValueError(
            f"flavours of a {type(index).__name__} must be among "
            f"{', '.join(possible)}; received {flavours!r}"
        )
    by_flavour = {}
    if "exact" in flavours:
        exact = index
        if isinstance(index, ScannIndex):
            exact = ExactIndex.build(
                index.embeddings, index.ids, metric=index.metric
            )
        by_flavour["exact"] = exact
    if "scann" in flavours:
        by_flavour["scann"] = index
    return by_flavour


def _check_width(module):
    image_bytes = tf.TensorSpec([1], tf.string)
    embedding = tf.function(module.embed).get_concrete_function(image_bytes)
    dim = embedding.output_shapes[1]
    if dim != module.index.dim:
        raise ValueError(
            f"the model embeds into {dim} dimensions, but the index holds "
            f"embeddings of {module.index.dim}"
        )


def _check_ops(ops, index):
    if isinstance(index, ScannIndex):
        ops = [op for op in ops if not op.startswith("Scann>")]
    if ops:
        raise ValueError(
            "a SavedModel for any TensorFlow Serving must have no custom "
            f"operations; this one needs {', '.join(ops)}"
        )


def _timed(signatures, inputs):
    """Returns each signature once, with its input; two have the same name."""
    return {
        name: (signatures[name], inputs[name])
        for name in inputs
        if name != "serving_default"
    }


def _sample_inputs(module):
    """Returns an input of each signature, by name."""
    size = module.image_size
    pixels = tf.fill((size, size, 3), tf.constant(128, tf.uint8))
    image_bytes = {"image_bytes": tf.io.encode_png(pixels)[None]}
    inputs = {"serving_default": image_bytes, "embed": image_bytes}
    if isinstance(module, SearchModule):
        embedding = {"embedding": module.index.embeddings[:1]}
        inputs |= {"search": image_bytes, "search_embedding": embedding}
    return inputs
