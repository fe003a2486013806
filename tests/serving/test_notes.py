"""What lies beside the versions for the person who serves them."""

import os

import numpy as np
import pytest

import keras_dvml as kd
from keras_dvml.serving.notes import write_notes


@pytest.fixture
def model(tiny_backbone):
    return kd.models.EmbeddingModel(tiny_backbone, embedding_dim=8)


def test_configuration_is_one_that_a_server_reads(tmp_path):
    config_pb2 = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2",
        reason="TensorFlow Serving's generated classes are not there",
    )
    text_format = pytest.importorskip("google.protobuf.text_format")
    for name in ("birds", 'b"i\\rds', "Vögel"):
        write_notes(tmp_path / name)
        config = text_format.Parse(
            (tmp_path / name / "models.config").read_text(),
            config_pb2.ModelServerConfig(),
        )
        (served,) = config.model_config_list.config
        assert served.name == name
        assert served.base_path == f"/models/{name}"
        assert served.model_platform == "tensorflow"
        assert served.model_version_policy.latest.num_versions == 1


def test_readme_has_the_commands_for_this_model(model, tmp_path):
    kd.serving.export(model, tmp_path / "two words")
    readme = (tmp_path / "two words" / "README.md").read_text()
    assert "-v \"$PWD\":'/models/two words':ro tensorflow/serving" in readme
    assert "/v1/models/two%20words:predict" in readme
    assert "any TensorFlow Serving" in readme


@pytest.mark.scann
def test_readme_names_the_operations_that_a_server_needs(model, tmp_path):
    write_notes(tmp_path / "birds-scann", ["Scann>TensorsToScann"])
    readme = (tmp_path / "birds-scann" / "README.md").read_text()
    assert "`Scann>TensorsToScann`" in readme
    assert "any TensorFlow Serving" not in readme


def test_readme_has_the_remark_of_the_version_that_was_published_last(
    model, tmp_path
):
    index = kd.index.ExactIndex.build(np.eye(8))
    readmes = []
    for number, remark in enumerate(("Trained on all.", "")):
        source = tmp_path / f"trained_{number}"
        kd.serving.write_saved_model(
            model, source, index=index, k=3, remark=remark
        )
        kd.serving.publish(source, tmp_path / "birds")
        readmes.append((tmp_path / "birds" / "README.md").read_text())
    assert "\nThe newest version: Trained on all.\n" in readmes[0]
    assert "newest version" not in readmes[1]


def test_notes_are_no_versions(model, tmp_path):
    first = kd.serving.export(model, tmp_path / "birds")
    second = kd.serving.publish(first[0], tmp_path / "birds")
    assert sorted(os.listdir(tmp_path / "birds")) == [
        "1",
        "2",
        "README.md",
        "models.config",
    ]
    assert second.endswith("2")
