"""Which operations of a SavedModel a stock TensorFlow Serving lacks."""

import os

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


def custom_ops(saved_model_dir):
    """Returns the custom operations of a SavedModel, without loading it.

    A single one makes the whole SavedModel unloadable where it is missing.
    TensorFlow's own operations are those in `tf.raw_ops`: that list is made
    when TensorFlow is built, so that no library that is loaded later adds to
    it. It leaves out operations that not every server has, such as those of
    XLA, TensorRT and DTensor; they count as custom here.

    Args:
        saved_model_dir: str or `os.PathLike`, also of an object store.

    Returns:
        Sorted list of str, such as "Scann>ScannSearchBatched".
    """
    path = os.path.join(saved_model_dir, "saved_model.pb")
    with tf.io.gfile.GFile(path, "rb") as file:
        saved_model = saved_model_pb2.SavedModel.FromString(file.read())
    names = set()
    for meta_graph in saved_model.meta_graphs:
        graph = meta_graph.graph_def
        functions = graph.library.function
        nodes = [*graph.node, *(n for f in functions for n in f.node_def)]
        # A graph may call its own functions like operations.
        own = {function.signature.name for function in functions}
        names |= {node.op for node in nodes} - own
    return sorted(name for name in names if not hasattr(tf.raw_ops, name))
