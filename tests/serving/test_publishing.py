"""An export and processes that publish the same model take turns."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

PUBLISH = """
import shutil, sys
import keras_dvml as kd
copytree = shutil.copytree
def copy_when_told(*args, **kwargs):
    shutil.copytree = copytree
    print("copying", flush=True)
    sys.stdin.readline()
    return copytree(*args, **kwargs)
shutil.copytree = copy_when_told
print(kd.serving.publish(sys.argv[1], sys.argv[2]))
"""


@pytest.fixture
def source(tiny_backbone, tmp_path):
    folder = tmp_path / "source"
    kd.serving.write_saved_model(tiny_backbone, folder)
    return folder


@pytest.fixture
def publisher(source, tmp_path, pytestconfig):
    """A process that has begun to publish the model `birds`."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-Wignore",
            "-c",
            PUBLISH,
            source,
            tmp_path / "models" / "birds",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=pytestconfig.rootpath,
    )
    assert process.stdout.readline() == "copying\n"
    yield process
    process.kill()
    process.communicate()


def test_export_waits_for_a_process_that_publishes(
    publisher, source, tiny_backbone, tmp_path
):
    birds = tmp_path / "models" / "birds"
    exported = []
    thread = threading.Thread(
        target=lambda: exported.extend(kd.serving.export(tiny_backbone, birds))
    )
    thread.start()
    thread.join(2)
    assert thread.is_alive()
    # Neither version is there yet, in part or whole.
    assert [path.name.split("-")[0] for path in birds.iterdir()] == [
        ".incomplete"
    ]
    published, _ = publisher.communicate("now\n", timeout=60)
    thread.join(60)
    assert published == f"{birds / '1'}\n"
    assert exported == [str(birds / "2")]
    assert sorted(os.listdir(birds)) == ["1", "2", "README.md", "models.config"]


def test_export_takes_over_when_that_process_is_killed(
    publisher, tiny_backbone, tmp_path
):
    publisher.kill()
    birds = tmp_path / "models" / "birds"
    assert kd.serving.export(tiny_backbone, birds) == [str(birds / "1")]


def test_all_get_the_version_after_the_highest_of_any(source, tmp_path):
    (tmp_path / "birds-scann" / "4").mkdir(parents=True)
    flavours = [tmp_path / "birds-scann", tmp_path / "birds"]
    published = kd.serving.publish_all(dict.fromkeys(flavours, source))
    assert published == [str(folder / "5") for folder in flavours]


def test_object_store_gets_versions_that_can_be_served(
    tiny_backbone, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    store = "ram://models/birds"
    images = np.zeros((3, 16, 16, 3))
    embeddings = tiny_backbone.predict(images, verbose=0)
    index = kd.index.ExactIndex.build(embeddings)
    assert kd.serving.export(tiny_backbone, store, index=index, k=3) == [
        f"{store}/1"
    ]
    assert "without a lock" in caplog.text
    assert kd.serving.publish(f"{store}/1", store) == f"{store}/2"
    # Back on this machine, it answers.
    folder = kd.serving.publish(f"{store}/2", tmp_path / "birds")
    embed = tf.saved_model.load(folder).signatures["embed"]
    image = tf.io.encode_png(tf.zeros((16, 16, 3), tf.uint8))
    np.testing.assert_allclose(
        embed(image_bytes=image[None])["embedding"], embeddings[:1], rtol=1e-5
    )
    notes = {"README.md", "models.config"}
    assert notes < set(tf.io.gfile.listdir(store))
    assert sorted(os.listdir(tmp_path)) == [".birds.lock", "birds"]
