"""Which operations count as TensorFlow's own."""

import pytest
from tensorflow.core.protobuf import saved_model_pb2

import keras_dvml as kd


@pytest.fixture
def saved_model():
    """A SavedModel with a graph that multiplies."""
    saved_model = saved_model_pb2.SavedModel()
    saved_model.meta_graphs.add().graph_def.node.add(op="MatMul")
    return saved_model


@pytest.fixture
def ops_of(saved_model, tmp_path):
    """Returns the custom operations of the SavedModel as it is now."""

    def read():
        content = saved_model.SerializeToString()
        (tmp_path / "saved_model.pb").write_bytes(content)
        return kd.serving.custom_ops(tmp_path)

    return read


def test_operations_of_tensorflow_are_not_custom(saved_model, ops_of):
    graph = saved_model.meta_graphs[0].graph_def
    for name in ("DecodeImage", "StatefulPartitionedCall", "While", "TopKV2"):
        graph.library.function.add().node_def.add(op=name)
    assert ops_of() == []


def test_others_are_whether_or_not_they_have_a_namespace(saved_model, ops_of):
    graph = saved_model.meta_graphs[0].graph_def
    graph.node.add(op="Scann>TensorsToScann")
    graph.node.add(op="HorovodAllreduce")
    assert ops_of() == ["HorovodAllreduce", "Scann>TensorsToScann"]


def test_operations_inside_of_functions_count(saved_model, ops_of):
    graph = saved_model.meta_graphs[0].graph_def
    graph.library.function.add().node_def.add(op="HorovodAllreduce")
    assert ops_of() == ["HorovodAllreduce"]


def test_functions_that_are_called_like_operations_do_not(saved_model, ops_of):
    graph = saved_model.meta_graphs[0].graph_def
    graph.library.function.add().signature.name = "doubled"
    graph.node.add(op="doubled")
    assert ops_of() == []


@pytest.mark.scann
def test_loaded_libraries_do_not_make_operations_tensorflows_own(run_forked):
    printed = run_forked("""
import tensorflow as tf
from tensorflow.python.framework import op_def_registry
own = dir(tf.raw_ops)
assert op_def_registry.get("Scann>TensorsToScann") is None
import scann
assert op_def_registry.get("Scann>TensorsToScann") is not None
print(dir(tf.raw_ops) == own)
""")
    assert printed == "True\n"
