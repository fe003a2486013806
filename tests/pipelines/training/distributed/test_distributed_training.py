"""Trainings on two devices and in two processes, and what ends them.

Batch normalisation is frozen, since its statistics are those of each device's
share of a batch; all else is then the training of one device.

Processes are real, and so is what they say to each other. Most are forked from
one that has imported everything, which takes longer than their training.
"""

import contextlib
import dataclasses
import json
import logging
import multiprocessing
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

ROOT = pathlib.Path(__file__).parents[4]
WRITTEN = {
    "Format-Serving",
    "classes.json",
    "history.json",
    "model.keras",
    "run",
}

BEGIN = """
import json, os, sys
with open(screen, "w") as file:
    for stream in (1, 2):
        os.dup2(file.fileno(), stream)
if tf_config:
    os.environ["TF_CONFIG"] = tf_config
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from pipelines.training.distributed import process
from pipelines.training.strategies import build_strategy
from pipelines.training.trainer import run_fn
"""

DIRECT = """
run_fn(FnArgs(**json.loads(argv[0])))
"""

MIRRORED = """
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
run_fn(FnArgs(**json.loads(argv[0])))
print(build_strategy("mirrored").num_replicas_in_sync)
"""

TAKE_PART = """
process.log_to_stdout()
sys.exit(process.main(argv))
"""

OTHER_CODE = """
process.code_fingerprint = lambda *names: "0123456789abcdef"
"""

STOP_IN_SECOND_EPOCH = """
from pipelines.training.history import EpochLines
EpochLines.on_epoch_begin = lambda self, epoch, logs: epoch and os._exit(3)
"""

# Of what takes seconds, on a machine that others keep busy.
PATIENCE = 240


@pytest.fixture(scope="module")
def files(tmp_path_factory, write_records):
    """24 images of 4 colours, with labels."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    colors = random.integers(40, 216, (4, 1, 1, 3))
    path = tmp_path_factory.mktemp("examples") / "data.gz"
    rows = []
    for i in range(24):
        noise = random.integers(-40, 40, (16, 16, 3))
        pixels = (colors[i % 4] + noise).astype(np.uint8)
        rows.append((tf.io.encode_png(pixels).numpy(), f"{i:02}.png", i % 4))
    write_records(path, rows)
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

    from pipelines.training.trainer import run_fn

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


@pytest.fixture(scope="module")
def forks():
    """What processes are forked from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipelines.training.distributed.process"])
    return context


@pytest.fixture(scope="module")
def start(forks, tmp_path_factory):
    """Runs code in a process; returns it and the file that is its screen."""
    screens = tmp_path_factory.mktemp("screens")
    with contextlib.ExitStack() as stack:

        def fork(code, *argv, tf_config=None):
            screen = screens / f"{time.monotonic_ns()}.txt"
            screen.touch()
            names = {
                "screen": str(screen),
                "tf_config": tf_config,
                "argv": list(argv),
            }
            process = forks.Process(target=exec, args=(BEGIN + code, names))
            process.start()
            stack.callback(process.kill)
            return process, screen

        yield fork


def tf_configs(number):
    """Returns the TF_CONFIG of each of so many processes."""
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(number)
        ]
        ports = [one.getsockname()[1] for one in sockets]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return [
        json.dumps(
            {"cluster": cluster, "task": {"type": "worker", "index": index}}
        )
        for index in range(number)
    ]


@pytest.fixture(scope="module")
def killed(told, start, tmp_path_factory):
    """A training whose worker was killed.

    Returns what the chief said in the end, TF_CONFIG of both, and the folder
    of the model.
    """
    chief, other = tf_configs(2)
    arguments, model_dir = told(strategy="multi_worker", epochs=10**6)
    job = job_file(tmp_path_factory.mktemp("job"), arguments)
    process, screen = start(TAKE_PART, *job, tf_config=chief)
    worker, _ = start(TAKE_PART, tf_config=other)
    wait_until_said(screen, ": loss ")
    worker.kill()
    assert status_of(process) == 1
    return screen.read_text(), chief, other, model_dir


@pytest.fixture
def start_worker():
    """Starts the command that a machine's owner starts."""
    with contextlib.ExitStack() as stack:

        def popen(tf_config):
            command = [sys.executable, "-m", "pipelines.training_worker"]
            process = stack.enter_context(
                subprocess.Popen(
                    command,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    cwd=ROOT,
                    env={
                        **os.environ,
                        "PYTHONWARNINGS": "ignore",
                        "TF_CONFIG": tf_config,
                    },
                )
            )
            stack.callback(process.kill)
            return process

        yield popen


def wait_until_said(screen, text):
    end = time.monotonic() + PATIENCE
    while text not in screen.read_text():
        assert time.monotonic() < end, screen.read_text()[-3000:]
        time.sleep(0.1)


def status_of(process):
    process.join(PATIENCE)
    return process.exitcode


def assert_nothing_is_written(model_dir):
    assert [path.name for path in model_dir.rglob("*")] == ["run"]


def job_file(folder, arguments):
    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipelines.training.job import TrainingJob

    path = folder / "job.json"
    path.write_text(TrainingJob.from_fn_args(FnArgs(**arguments)).to_json())
    return "--job", str(path)


def test_two_devices_train_as_one(told, single, start, tmp_path):
    arguments, model_dir = told(strategy="mirrored")
    # Their state is saved on the way.
    arguments["custom_config"]["checkpoint_root"] = str(tmp_path / "states")
    process, screen = start(MIRRORED, json.dumps(arguments))
    assert status_of(process) == 0, screen.read_text()[-3000:]
    assert screen.read_text().split()[-1] == "2"
    assert len(list((tmp_path / "states").glob("*/run.npz"))) == 1
    assert_same_training(trained(model_dir), single)


def test_killed_worker_ends_the_chief(killed):
    said, tf_config, _, model_dir = killed
    address = json.loads(tf_config)["cluster"]["worker"][1]
    assert f"training ERROR: Lost worker 1 ({address}), which has" in said
    assert_nothing_is_written(model_dir)


def test_two_processes_train_as_one_and_the_chief_writes(
    killed, told, single, start
):
    # In the place of the one that came to nothing.
    _, chief, other, written = killed
    first, second = told(strategy="multi_worker"), told(strategy="multi_worker")
    for name in ("serving_model_dir", "model_run_dir"):
        path = written / pathlib.Path(first[0][name]).name
        first[0][name] = str(path)
    started = [
        start(DIRECT, json.dumps(first[0]), tf_config=chief),
        start(DIRECT, json.dumps(second[0]), tf_config=other),
    ]
    for process, screen in started:
        assert status_of(process) == 0, screen.read_text()[-3000:]
    assert {path.name for path in written.iterdir()} == WRITTEN
    assert_same_training(trained(written), single)
    # The second process was told of a folder of its own, and left it alone.
    assert_nothing_is_written(second[1])


def test_training_of_two_is_taken_up_with_the_chiefs_state(
    told, single, start, tmp_path
):
    arguments, written = told(strategy="multi_worker")
    others_arguments, _ = told(strategy="multi_worker")
    checkpoints = tmp_path / "unfinished"
    both = arguments, others_arguments
    for one in both:
        one["custom_config"]["checkpoint_root"] = str(checkpoints)

    def train(code):
        started = [
            start(code, json.dumps(one), tf_config=tf_config)
            for one, tf_config in zip(both, tf_configs(2), strict=True)
        ]
        return [(status_of(process), screen) for process, screen in started]

    stopped = train(STOP_IN_SECOND_EPOCH + DIRECT)
    assert [status for status, _ in stopped] == [3, 3]
    assert len(list(checkpoints.glob("*/run.npz"))) == 1
    for status, screen in train("process.log_to_stdout()\n" + DIRECT):
        assert status == 0, screen.read_text()[-3000:]
        # 2 steps an epoch.
        assert "Resuming after step 2, from" in screen.read_text()
    assert_same_training(trained(written), single)
    assert len(list(checkpoints.glob("*/finished"))) == 1


def test_pipelines_trainer_trains_with_a_worker_that_was_waiting(
    told, single, start_worker, monkeypatch, caplog
):
    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipelines.training.distributed.chief import run_fn

    chief, other = tf_configs(2)
    worker = start_worker(other)
    monkeypatch.setenv("TF_CONFIG", chief)
    arguments, model_dir = told(strategy="multi_worker")
    caplog.set_level("INFO")
    run_fn(FnArgs(**arguments))
    assert "epoch 2 of 2: loss" in caplog.text
    output, _ = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 0, output[-3000:]
    assert f"Training for {model_dir}" in output
    assert_same_training(trained(model_dir), single)


def test_worker_that_waits_ends_when_kubernetes_ends_it(start_worker):
    worker = start_worker(tf_configs(2)[1])
    assert any("Waiting for all" in line for line in worker.stdout)
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    # Up to the end of the screen: its own process has ended too.
    worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 128 + signal.SIGTERM
    # Kubernetes would kill it after 30 seconds.
    assert time.monotonic() - began < 20


def test_process_that_waits_ends_with_the_one_that_started_it(start_worker):
    worker = start_worker(tf_configs(2)[1])
    assert any("Waiting for all" in line for line in worker.stdout)
    (process,) = psutil.Process(worker.pid).children()
    worker.kill()
    # TensorFlow would wait for an hour, and let nothing else run meanwhile.
    process.wait(timeout=10)


def test_killed_chief_ends_the_worker(told, start, tmp_path):
    chief, other = tf_configs(2)
    arguments, model_dir = told(strategy="multi_worker", epochs=10**6)
    job = job_file(tmp_path, arguments)
    process, _ = start(TAKE_PART, *job, tf_config=chief)
    worker, screen = start(TAKE_PART, tf_config=other)
    wait_until_said(screen, ": loss ")
    process.kill()
    assert status_of(worker) == 1
    name = "worker 0 (" + json.loads(other)["cluster"]["worker"][0] + ")"
    assert f"training ERROR: Lost {name}, which has" in screen.read_text()
    assert_nothing_is_written(model_dir)


def test_chief_that_fails_tells_why_and_the_worker_ends(told, start, tmp_path):
    chief, other = tf_configs(2)
    arguments, model_dir = told(strategy="multi_worker")
    arguments["train_files"] = [str(model_dir / "gone.gz")]
    job = job_file(tmp_path, arguments)
    process, screen = start(TAKE_PART, *job, tf_config=chief)
    worker, _ = start(TAKE_PART, tf_config=other)
    assert status_of(process) == 1
    assert "Error: file_patterns must match files" in screen.read_text()
    assert status_of(worker) == 1


def test_worker_with_other_code_ends_the_training_before_it_begins(
    told, start, tmp_path
):
    chief, other = tf_configs(2)
    arguments, model_dir = told(strategy="multi_worker")
    job = job_file(tmp_path, arguments)
    started = [
        start(TAKE_PART, *job, tf_config=chief),
        start(OTHER_CODE + TAKE_PART, tf_config=other),
    ]
    address = json.loads(other)["cluster"]["worker"][1]
    for process, screen in started:
        assert status_of(process) == 1
        said = screen.read_text()
        assert "training ERROR: All processes of a training must run" in said
        assert f"worker 1 ({address}) has code 0123456789abcdef, not" in said
        assert "Training for" not in said
    assert_nothing_is_written(model_dir)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("training ERROR: Lost worker 1 (b:2)", r"3\. Lost worker 1 \(b:2\)$"),
        ("OSError: no space left", "last lines were:\n(?s:.*)no space left$"),
    ],
)
def test_what_the_chiefs_process_says_is_said_as_loudly(
    told, tmp_path, monkeypatch, caplog, last, reason
):
    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipelines.training.distributed.chief import run_fn

    said = (
        "training INFO: epoch 1 of 2: loss 0.5\n"
        "W0000 a library's own line\n"
        "training WARNING: 3 images cannot be read\n"
        f"{last}\n"
    )
    fake_python = tmp_path / "python"
    fake_python.write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\nexit 3\n")
    fake_python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake_python))
    monkeypatch.setenv("TF_CONFIG", tf_configs(1)[0])
    caplog.set_level("INFO")
    with pytest.raises(RuntimeError, match=reason):
        run_fn(FnArgs(**told(strategy="multi_worker")[0]))
    assert [record[1:] for record in caplog.record_tuples] == [
        (logging.INFO, "epoch 1 of 2: loss 0.5"),
        (logging.WARNING, "3 images cannot be read"),
    ]
