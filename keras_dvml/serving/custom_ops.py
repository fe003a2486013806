"""Which operations of a SavedModel a stock TensorFlow Serving lacks."""

import os

from tensorflow.core.protobuf import saved_model_pb2


def custom_ops(saved_model_dir):
    """Returns the custom operations of a SavedModel, without loading it.

    A single one makes the whole SavedModel unloadable where it is missing.

    Args:
        saved_model_dir: str or `os.PathLike`.

    Returns:
        Sorted list of str, such as "Scann>ScannSearchBatched": operations
        with a namespace, which TensorFlow's own lack.
    """
    path = os.path.join(saved_model_dir, "saved_model.pb")
    with open(path, "rb") as file:
        saved_model = saved_model_pb2.SavedModel.FromString(file.read())
    names = set()
    for meta_graph in saved_model.meta_graphs:
        graph = meta_graph.graph_def
        names.update(node.op for node in graph.node)
        for function in graph.library.function:
            names.update(node.op for node in function.node_def)
    return sorted(name for name in names if ">" in name)
