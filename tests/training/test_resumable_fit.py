import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

import keras_dvml as kd

SCRIPT = pathlib.Path(__file__).parent / "resumed_run.py"


def run(checkpoint_dir, fatal_step, result_path):
    return subprocess.run(
        [
            *(sys.executable, "-W", "ignore", SCRIPT),
            *map(str, (checkpoint_dir, fatal_step, result_path)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    finished = run(folder / "run", 0, folder / "result.npz")
    assert finished.returncode == 0, finished.stderr[-3000:]
    return dict(np.load(folder / "result.npz"))


# 5 steps an epoch, saved every 2: in the first step, between saves, right
# after one, at the end of an epoch, in phase 2, in the last step.
@pytest.mark.parametrize("fatal_step", [1, 3, 8, 10, 13, 20])
def test_killed_run_ends_as_the_undisturbed_one(
    fatal_step, undisturbed, tmp_path
):
    killed = run(tmp_path / "run", fatal_step, tmp_path / "result.npz")
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "result.npz").exists()
    finished = run(tmp_path / "run", 0, tmp_path / "result.npz")
    assert finished.returncode == 0, finished.stderr[-3000:]
    resumed = dict(np.load(tmp_path / "result.npz"))
    assert set(resumed) == set(undisturbed)
    for name, value in undisturbed.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)


@pytest.fixture
def model(tiny_backbone):
    model = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=8)
    model.compile("adam", loss=kd.losses.NPairLoss())
    return model


def batches(images, labels):
    return kd.data.balanced_batches(
        images, labels, classes_per_batch=4, images_per_class=5
    )


def test_complete_run_is_not_trained_again(model, tiny_images, tmp_path):
    first = kd.training.resumable_fit(
        model, batches(*tiny_images), 2, tmp_path, verbose=0
    )
    weights = model.get_weights()
    again = kd.training.resumable_fit(
        model, batches(*tiny_images), 2, tmp_path, verbose=0
    )
    assert again == first and len(first["loss"]) == 2
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_state_of_another_model_is_refused(
    model, tiny_backbone, tiny_images, tmp_path
):
    kd.training.resumable_fit(
        model, batches(*tiny_images), 1, tmp_path, verbose=0
    )
    wider = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=9)
    wider.compile("adam", loss=kd.losses.NPairLoss())
    with pytest.raises(ValueError, match="the state of another model"):
        kd.training.resumable_fit(
            wider, batches(*tiny_images), 2, tmp_path, verbose=0
        )


def test_batches_without_a_position_are_refused(model, tiny_images, tmp_path):
    with pytest.raises(ValueError, match="data.balanced_batches"):
        kd.training.resumable_fit(
            model, batches(*tiny_images).take(1), 1, tmp_path
        )
