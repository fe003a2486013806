"""What tests of several rooms share."""

import os

# Before TensorFlow is imported: its start-up lines say nothing about us.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_dvml as kd

ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def fixed_seed():
    keras.utils.set_random_seed(0)


@pytest.fixture
def run_python():
    """Runs code in a new process and returns what it printed."""

    def run(code, *arguments):
        finished = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        assert finished.returncode == 0, finished.stderr[-3000:]
        return finished.stdout

    return run


@pytest.fixture
def tiny_images():
    """40 noisy images of 8 classes, each class a colour of its own."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 5)
    colours = random.integers(40, 215, (8, 1, 1, 3))
    noise = random.integers(-40, 41, (40, 16, 16, 3))
    return (colours[labels] + noise).astype(np.uint8), labels


@pytest.fixture
def tiny_backbone():
    return kd.models.conv_backbone(16, widths=(4, 8))
