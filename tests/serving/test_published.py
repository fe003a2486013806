"""Back into what was published."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.serving import model_file


@pytest.fixture(scope="module")
def model():
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    return kd.models.DVML(backbone, embedding_dim=8)


@pytest.fixture(scope="module")
def embeddings():
    return np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)


def png(seed):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
    return tf.io.encode_png(pixels).numpy(), pixels


@pytest.mark.parametrize("storage", ["float32", "int8"])
def test_exact_index_comes_back(model, embeddings, storage, tmp_path):
    index = kd.index.ExactIndex.build(
        embeddings, [f"ä{i}" for i in range(40)], metric="cosine",
        storage=storage,
    )  # fmt: skip
    kd.serving.export(model, tmp_path / "birds", index, recall_floor=0)
    loaded = kd.load(tmp_path / "birds").index
    assert repr(loaded) == repr(index)
    assert loaded.measured_recall() == index.measured_recall()
    for one, other in zip(
        loaded.search(embeddings[:5]), index.search(embeddings[:5]), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.scann
def test_scann_index_comes_back_with_its_settings(model, tmp_path):
    embeddings = np.random.default_rng(0).normal(size=(2500, 8))
    index = kd.index.ScannIndex.build(embeddings, recall_floor=0.9)
    _, folder = kd.serving.export(
        model, tmp_path / "birds", index, recall_floor=0
    )
    loaded = kd.load(folder).index
    assert loaded.settings() == index.settings()
    for one, other in zip(
        loaded.search(embeddings[:5]), index.search(embeddings[:5]), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    # As published before its settings were among the facts.
    path = os.path.join(folder, "assets.extra", "index.json")
    facts = json.load(open(path))
    del facts["scann"]
    json.dump(facts, open(path, "w"))
    assert len(kd.load(folder).index) == 2500


def test_model_comes_back_in_a_new_process(model, tmp_path, run_forked):
    (folder,) = kd.serving.export(model, tmp_path / "birds")
    image, pixels = png(0)
    (tmp_path / "image.png").write_bytes(image)
    code = """
import sys
import numpy as np
import keras_dvml as kd
published = kd.load(sys.argv[1])
assert published.index is None and published.facts == {}
embeddings, reasons = published.embed([open(sys.argv[2], "rb").read()])
pixels = kd.data.decode_image(open(sys.argv[2], "rb").read(), 16)
again = published.model.predict(pixels[None], verbose=0)
np.testing.assert_allclose(embeddings, again, atol=1e-6)
print(type(published.model).__name__, *again[0])
"""
    kind, *numbers = run_forked(code, folder, tmp_path / "image.png").split()
    right = model.predict(pixels[None], verbose=0)[0]
    assert kind == "DVML"
    np.testing.assert_allclose(list(map(float, numbers)), right, atol=1e-6)


def test_newest_version_is_taken(model, tmp_path):
    for _ in range(2):
        kd.serving.export(model, tmp_path / "birds")
    (tmp_path / "birds" / "10").mkdir()
    assert kd.load(tmp_path / "birds").version == 2
    assert kd.load(tmp_path / "birds" / "1").version == 1
    assert kd.load(f"{tmp_path}/birds/").name == "birds"
    with pytest.raises(FileNotFoundError, match="of a published model"):
        kd.load(tmp_path)


def test_files_that_are_no_images_spoil_no_other(model, tmp_path):
    kd.serving.export(model, tmp_path / "birds")
    published = kd.load(tmp_path / "birds")
    good = [png(seed) for seed in range(5)]
    files = [image for image, _ in good]
    files[2:2] = [b"", b"no image"]
    files.append(files[0][:60])
    embeddings, reasons = published.embed(files)
    assert [bool(reason) for reason in reasons] == [
        False, False, True, True, False, False, False, True,
    ]  # fmt: skip
    assert all("\n" not in reason for reason in reasons)
    right = model.predict(np.stack([pixels for _, pixels in good]), verbose=0)
    np.testing.assert_allclose(
        embeddings[[0, 1, 4, 5, 6]], right, rtol=1e-4, atol=1e-6
    )
    assert not embeddings[[2, 3, 7]].any()
    assert published.embed([])[0].shape == (0, 8)


def test_more_are_found_than_a_server_returns(model, embeddings, tmp_path):
    index = kd.index.ExactIndex.build(embeddings)
    kd.serving.export(model, tmp_path / "birds", index, k=3)
    published = kd.load(tmp_path / "birds")
    for k, columns in ((None, 3), (2, 2), (3, 3), (17, 17)):
        ids, scores = published.search(embeddings[:4], k)
        right_ids, right = index.search(embeddings[:4], columns)
        assert ids.tolist() == right_ids.tolist()
        np.testing.assert_allclose(scores, right, rtol=1e-5)


def test_model_that_keras_cannot_save_is_published_without(
    model, tmp_path, monkeypatch, caplog
):
    def unsaved(path):
        open(path, "w").close()
        raise NotImplementedError("no get_config")

    class Unsaved:
        save = staticmethod(unsaved)

    model_file.save_model(Unsaved(), str(tmp_path / "model.keras"))
    assert "no get_config" in caplog.text
    assert not list(tmp_path.iterdir())
    kd.serving.export(model, tmp_path / "birds")
    os.unlink(tmp_path / "birds" / "1" / "assets.extra" / "model.keras")
    with pytest.raises(FileNotFoundError, match="carries no Keras model"):
        kd.load(tmp_path / "birds").model  # noqa: B018
