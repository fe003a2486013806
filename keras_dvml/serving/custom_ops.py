"""Which operations of a SavedModel a stock TensorFlow Serving lacks."""

import os

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


def custom_ops(saved_model_dir: str | os.PathLike) -> list[str]:
    """Returns the custom operations of a SavedModel, without loading it.

    A single one makes the whole SavedModel unloadable where it is missing.
    TensorFlow's own operations are those in `tf.raw_ops`: that list is made
    when TensorFlow is built, so that no library that is loaded later adds to
    it. It leaves out operations that not every server has, such as those of
    XLA, TensorRT and DTensor; they count as custom here.

    Args:
        saved_model_dir: Folder, also of an object store.

    Returns:
        Sorted names, such as "Scann>ScannSearchBatched".

    Example:
        >>> import os, tempfile
        >>> import keras_dvml as kd
        >>> path = os.path.join(tempfile.mkdtemp(), "model")
        >>> kd.serving.write_saved_model(
        ...     kd.models.conv_backbone(16, widths=(4, 8)), path
        ... )
        >>> kd.serving.custom_ops(path)
        []
    """
    names = set()
    for meta_graph in read_saved_model(saved_model_dir).meta_graphs:
        graph = meta_graph.graph_def
        functions = graph.library.function
        bodies = [graph.node, *(function.node_def for function in functions)]
        # A graph may call its own functions like operations.
        own = {function.signature.name for function in functions}
        names |= {node.op for body in bodies for node in body} - own
    return sorted(name for name in names if not hasattr(tf.raw_ops, name))


def read_saved_model(
    saved_model_dir: str | os.PathLike,
) -> saved_model_pb2.SavedModel:
    """Reads the graphs and signatures of a SavedModel, without its weights."""
    path = os.path.join(saved_model_dir, "saved_model.pb")
    with tf.io.gfile.GFile(path, "rb") as file:
        return saved_model_pb2.SavedModel.FromString(file.read())
