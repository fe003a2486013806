"""Writes a model, with an index or without, as SavedModels."""

import os
from collections.abc import Mapping, Sequence
from typing import SupportsFloat

import keras
import tensorflow as tf

from keras_dvml.index import ExactIndex, Index, ScannIndex
from keras_dvml.publisher_lock import only_publisher_of
from keras_dvml.serving.custom_ops import custom_ops
from keras_dvml.serving.facts import write_facts
from keras_dvml.serving.image_embedder import ImageEmbedder
from keras_dvml.serving.model_file import MODEL_FILE, save_model
from keras_dvml.serving.notes import write_notes
from keras_dvml.serving.signatures import EmbedModule, SearchModule
from keras_dvml.serving.versions import next_version
from keras_dvml.serving.warm_up import write_warm_up
from keras_dvml.whole_files import full_path, whole_folder, whole_folders


def export(
    model: keras.Model,
    path: str | os.PathLike,
    index: Index | None = None,
    k: int = 10,
    *,
    recall_floor: float = 0.95,
    match_threshold: SupportsFloat | None = None,
    flavours: Sequence[str] | None = None,
) -> list[str]:
    """Writes the next version of a served model, atomically.

    Without an index the model embeds. With an index it also searches; what
    was added to the index or removed from it is merged first. Of a
    `ScannIndex` there are two flavours under one version: "exact" at
    `<path>/<version>` with an exact index, for any TensorFlow Serving, and
    "scann" at `<path>-scann/<version>` with the ScaNN index, for servers that
    have its operations: a single such operation makes a whole SavedModel
    unloadable where they are missing. Beside the versions lie `README.md`,
    with the commands that serve them, and `models.config`. The flavours
    appear together or not at all. Processes that export or publish the same
    model at once take turns, and delete what killed ones have left. An object
    store can give neither turns nor that: versions appear there file by file,
    `saved_model.pb` last.

    Args:
        model: `models.MetricModel`, or a Keras model from square images in
            0..255 to embeddings.
        path: Folder of the model's versions; a URI that TensorFlow can write
            to, such as `gs://`, too.
        index: The gallery; `None` for a model that only embeds.
        k: Results of a search; fixed in the graph, so that servers can batch
            requests.
        recall_floor: In 0..1. Least recall@10 against exact search that an
            index is exported with.
        match_threshold: A number or an `evaluation.MatchThreshold`. With one,
            searches also return `is_match`: whether a result's score reaches
            it. The rates of a `MatchThreshold` are written beside the model.
        flavours: "exact" and "scann", or `None` for all: of a `ScannIndex`
            both, of an `ExactIndex` "exact".

    Returns:
        The folders written, the exact flavour first.

    Raises:
        ValueError: If k exceeds the gallery, the index has another width than
            the model's embeddings or a recall under the floor, an exact
            flavour would need custom operations, or flavours has what the
            index cannot give. Nothing is written then.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> model = kd.models.conv_backbone(16, widths=(4, 8))
        >>> images = np.random.default_rng(0).random((12, 16, 16, 3))
        >>> embeddings = model.predict(255 * images, verbose=0)
        >>> index = kd.index.ExactIndex.build(embeddings)
        >>> path = os.path.join(tempfile.mkdtemp(), "birds")
        >>> (folder,) = kd.serving.export(model, path, index=index, k=5)
        >>> os.path.relpath(folder, path)
        '1'
    """
    path = full_path(path)
    modules = flavour_modules(
        model,
        path,
        index,
        k,
        recall_floor=recall_floor,
        match_threshold=match_threshold,
        flavours=flavours,
    )
    with only_publisher_of(path):
        return write_next_version(path, modules)


def flavour_modules(
    model: keras.Model,
    path: str,
    index: Index | None,
    k: int,
    *,
    recall_floor: float = 0.95,
    match_threshold: SupportsFloat | None = None,
    flavours: Sequence[str] | None = None,
) -> dict[str, EmbedModule]:
    """Returns what `export` writes, by the folder of its versions.

    Its arguments, and what it raises, are those of `export`.
    """
    embedder = ImageEmbedder(model)
    indexes: dict[str, Index | None] = {path: index}
    if index is not None:
        index = index.rebuilt()
        _check_recall(index, recall_floor)
        suffixes = {"exact": "", "scann": "-scann"}
        indexes = {
            path + suffixes[flavour]: its_index
            for flavour, its_index in _by_flavour(index, flavours).items()
        }
    return {
        base_dir: _module(embedder, its_index, k, match_threshold)
        for base_dir, its_index in indexes.items()
    }


def write_next_version(
    path: str,
    modules: dict[str, EmbedModule],
    remark: str = "",
    files: Mapping[str, str] | None = None,
) -> list[str]:
    """Writes the next version, for whoever is `only_publisher_of` the model.

    Args:
        path: As for `export`, absolute.
        modules: From `flavour_modules`.
        remark: As for `write_saved_model`.
        files: What else goes into each version: text, by the file's path.

    Returns:
        The folders written, in the order of the modules.
    """
    # Both flavours count alike, also where one of them is not written.
    version = str(next_version(path, f"{path}-scann"))
    targets = [os.path.join(base_dir, version) for base_dir in modules]
    # The exact flavour last: where a version of it is, so is its twin.
    with whole_folders(*reversed(targets)) as folders:
        for folder, module in zip(
            folders, reversed(modules.values()), strict=True
        ):
            _write(folder, module, remark)
            for name, text in (files or {}).items():
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
    for base_dir, target in zip(modules, targets, strict=True):
        write_notes(base_dir, custom_ops(target), remark)
    return targets


def write_saved_model(
    model: keras.Model,
    path: str | os.PathLike,
    index: Index | None = None,
    k: int = 10,
    match_threshold: SupportsFloat | None = None,
    remark: str = "",
) -> None:
    """Writes one SavedModel, whole or not at all.

    Signatures: `serving_default` = `embed`, from `image_bytes` to
    `embedding`; with an index also `search`, from `image_bytes` to `ids` and
    `scores`, and `search_embedding`, from `embedding` to the same. Bytes that
    are no image fail a request of these; `embed_each` and `search_each` give
    each image a `status`. Warm-up
    requests for each, the Keras model that `keras_dvml.load` returns, and with
    an index what was measured of it, go into `assets.extra`.

    Args:
        model: As for `export`.
        path: The SavedModel's folder, also as a URI; must not exist.
        index: As for `export`.
        k: Results of a search.
        match_threshold: As for `export`.
        remark: What those who serve a model with an index should know of it;
            it is written among the facts, and into the README where the model
            is published.

    Raises:
        FileExistsError: If `path` exists.
        ValueError: If k exceeds the gallery, the index has another width than
            the model's embeddings, or the graph needs custom operations other
            than those of a `ScannIndex`.

    Example:
        >>> import os, tempfile
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> model = kd.models.conv_backbone(16, widths=(4, 8))
        >>> path = os.path.join(tempfile.mkdtemp(), "model")
        >>> kd.serving.write_saved_model(model, path)
        >>> sorted(tf.saved_model.load(path).signatures)
        ['embed', 'embed_each', 'serving_default']
    """
    module = _module(ImageEmbedder(model), index, k, match_threshold)
    with whole_folder(os.fspath(path)) as folder:
        _write(folder, module, remark)


def _module(
    embedder: ImageEmbedder,
    index: Index | None,
    k: int,
    match_threshold: SupportsFloat | None,
) -> EmbedModule:
    if index is None:
        return EmbedModule(embedder)
    if embedder.embedding_dim != index.dim:
        raise ValueError(
            f"index must hold embeddings of {embedder.embedding_dim} "
            "dimensions, as of the model; received embeddings of "
            f"{index.dim}"
        )
    return SearchModule(embedder, index.rebuilt(), k, match_threshold)


def _write(folder: str, module: EmbedModule, remark: str = "") -> None:
    signatures = module.signatures()
    requests = module.sample_requests()
    tf.saved_model.save(module, folder, signatures=signatures)
    ops = custom_ops(folder)
    _check_ops(ops, module)
    write_warm_up(folder, requests)
    save_model(module.embedder.model, os.path.join(folder, MODEL_FILE))
    if isinstance(module, SearchModule):
        # Two names for one signature.
        del requests["serving_default"]
        write_facts(folder, module, signatures, requests, ops, remark)


def _check_recall(index: Index, recall_floor: float) -> None:
    recall = index.measured_recall()
    if recall < recall_floor:
        raise ValueError(
            f"index must have recall@10 of at least {recall_floor}, the "
            f"recall_floor; received {type(index).__name__} with {recall:.3f}"
        )


def _by_flavour(
    index: Index, flavours: Sequence[str] | None
) -> dict[str, Index]:
    """Returns the index of each flavour to be written, "exact" first."""
    possible = ["exact"]
    if isinstance(index, ScannIndex):
        possible.append("scann")
    if flavours is None:
        flavours = possible
    if not flavours or set(flavours) - set(possible):
        raise ValueError(
            f"flavours of {type(index).__name__} must be among "
            f"{', '.join(possible)}; received {flavours!r}"
        )
    by_flavour = {name: index for name in possible if name in flavours}
    if "exact" in flavours and isinstance(index, ScannIndex):
        by_flavour["exact"] = ExactIndex.build(
            index.embeddings, index.ids, metric=index.metric
        )
    return by_flavour


def _check_ops(ops: list[str], module: EmbedModule) -> None:
    if isinstance(module, SearchModule) and isinstance(
        module.index, ScannIndex
    ):
        ops = [op for op in ops if not op.startswith("Scann>")]
    if ops:
        raise ValueError(
            "a SavedModel for any TensorFlow Serving must have no custom "
            f"operations; received {', '.join(ops)}"
        )
