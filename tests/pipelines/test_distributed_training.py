"""The training function on two devices and in two processes.

Batch normalisation is frozen, since its statistics are those of each device's
share of a batch; all else is then the training of one device.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

ROOT = pathlib.Path(__file__).parents[2]
WRITTEN = {
    "Format-Serving",
    "history.json",
    "model.keras",
    "run",
}

MIRRORED = """
import json, sys
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
from tfx.components.trainer.fn_args_utils import FnArgs
from pipelines.strategies import build_strategy
from pipelines.trainer import run_fn
run_fn(FnArgs(**json.loads(sys.argv[1])))
print(build_strategy("mirrored").num_replicas_in_sync)
"""

DIRECT = """
import json, sys
from tfx.components.trainer.fn_args_utils import FnArgs
from pipelines.trainer import run_fn
run_fn(FnArgs(**json.loads(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """24 images of 4 colours, with labels."""
    import tensorflow as tf

    import keras_dvml as kd

    random = np.random.default_rng(0)
    colors = random.integers(40, 216, (4, 1, 1, 3))
    path = tmp_path_factory.mktemp("examples") / "data.gz"
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for i in range(24):
            noise = random.integers(-40, 40, (16, 16, 3))
            pixels = (colors[i % 4] + noise).astype(np.uint8)
            example = kd.data.encode_example(
                tf.io.encode_png(pixels).numpy(), f"{i:02}.png", i % 4
            )
            writer.write(example.SerializeToString())
    return [str(path)]


@pytest.fixture(scope="module")
def told(files, tmp_path_factory):
    """Returns what a training is told, and the folder of its model."""
    from pipelines.configs import TrainConfig

    config = TrainConfig(
        image_size=16,
        widths=(4, 8),
        batch_norm_frozen=True,
        embedding_dim=8,
        num_samples=2,
        epochs=2,
        steps_per_epoch=2,
        classes_per_batch=4,
        images_per_class=4,
        release_decoder_at=1,
        evaluate_every=1,
    )

    def tell(**changes):
        model_dir = tmp_path_factory.mktemp("model")
        (model_dir / "run").mkdir()
        train = dataclasses.replace(config, **changes)
        return {
            "train_files": files,
            "eval_files": files,
            "serving_model_dir": str(model_dir / "Format-Serving"),
            "model_run_dir": str(model_dir / "run"),
            "custom_config": json.loads(
                json.dumps({"train": dataclasses.asdict(train)})
            ),
        }, model_dir

    return tell


@pytest.fixture(scope="module")
def single(told):
    """The training of one device."""
    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipelines.trainer import run_fn

    arguments, model_dir = told()
    run_fn(FnArgs(**arguments))
    return trained(model_dir)


def trained(model_dir):
    """Reads weights and history of what was trained."""
    import keras

    model = keras.models.load_model(model_dir / "model.keras", compile=False)
    history = json.loads((model_dir / "history.json").read_text())
    assert history == json.loads((model_dir / "run/history.json").read_text())
    # Running sums of the losses are no weights, and as many as the devices.
    sums = {id(one) for metric in model.metrics for one in metric.variables}
    weights = [w.numpy() for w in model.weights if id(w) not in sums]
    assert len(weights) >= len(model.trainable_weights) > 10
    return weights, history


def assert_same_training(one, other):
    for weight, expected in zip(one[0], other[0], strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-4)
    assert one[1].keys() == other[1].keys()
    for name, values in other[1].items():
        # A score changes by steps: of 24 queries one may change its mind.
        atol = 0.05 if name.startswith("val_") else 1e-3
        np.testing.assert_allclose(one[1][name], values, atol=atol)


def start(index, addresses, *command):
    cluster = {"worker": addresses}
    task = {"type": "worker", "index": index}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_CONFIG": json.dumps({"cluster": cluster, "task": task}),
        },
    )


def free_addresses(number):
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(number)
        ]
        ports = [one.getsockname()[1] for one in sockets]
    return [f"127.0.0.1:{port}" for port in ports]


def output_of(process):
    try:
        output, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, output[-3000:]
    return output


def test_two_devices_train_as_one(told, single, run_python):
    arguments, model_dir = told(strategy="mirrored")
    output = run_python(MIRRORED, json.dumps(arguments))
    assert output.split()[-1] == "2"
    assert_same_training(trained(model_dir), single)


def test_two_processes_train_as_one_and_the_chief_writes(told, single):
    addresses = free_addresses(2)
    places = [told(strategy="multi_worker") for _ in range(2)]
    processes = [
        start(index, addresses, "-c", DIRECT, json.dumps(arguments))
        for index, (arguments, _) in enumerate(places)
    ]
    for process in processes:
        output_of(process)
    (_, written), (_, untouched) = places
    assert {path.name for path in written.iterdir()} == WRITTEN
    assert_same_training(trained(written), single)
    # The second process was told of a folder of its own, and left it alone.
    assert [path.name for path in untouched.iterdir()] == ["run"]
    assert not list((untouched / "run").iterdir())


def test_pipelines_trainer_trains_with_a_worker_that_was_waiting(
    told, single, monkeypatch, caplog
):
    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipelines.training_worker import run_fn

    addresses = free_addresses(2)
    worker = start(1, addresses, "-m", "pipelines.training_worker")
    task = {"type": "worker", "index": 0}
    monkeypatch.setenv(
        "TF_CONFIG",
        json.dumps({"cluster": {"worker": addresses}, "task": task}),
    )
    arguments, model_dir = told(strategy="multi_worker")
    caplog.set_level("INFO")
    run_fn(FnArgs(**arguments))
    assert "epoch 2 of 2: loss" in caplog.text
    assert f"Training for {model_dir}" in output_of(worker)
    assert_same_training(trained(model_dir), single)


def test_what_fails_in_the_chief_is_told_with_its_reason(told, monkeypatch):
    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipelines.training_worker import run_fn

    task = {"type": "worker", "index": 0}
    cluster = {"worker": free_addresses(1)}
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": cluster, "task": task})
    )
    arguments, model_dir = told(strategy="multi_worker")
    arguments["train_files"] = [str(model_dir / "gone.gz")]
    with pytest.raises(RuntimeError, match="no example files match.*gone.gz"):
        run_fn(FnArgs(**arguments))
