"""A run that is stopped from outside, and what it leaves behind: nothing."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

# Those who watch this process' screen see a line as soon as it is written.
SMALL = (
    "train.backbone=conv",
    "train.weights=",
    "train.image_size=16",
    "train.widths=4,8",
    "train.embedding_dim=8",
    "train.num_samples=2",
    "train.steps_per_epoch=3",
    "methods=dvml",
)


@pytest.fixture
def folders(tmp_path, write_images):
    (tmp_path / "temporary").mkdir()
    write_images(tmp_path / "squares", num_classes=4, images_per_class=6)
    return tmp_path


@pytest.fixture
def start(folders):
    """Starts a run in a process of its own, which ends with the test."""
    started = []

    def start_run(*settings):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pipelines.local_runner",
                "--config=folder_dvml",
                f"--images={folders / 'squares'}",
                f"--workspace={folders / 'runs'}",
                f"--saved-models={folders / 'saved_models'}",
                *(f"--set={setting}" for setting in (*SMALL, *settings)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": str(folders / "temporary")},
        )
        started.append(process)
        return process

    yield start_run
    for process in started:
        process.kill()
        process.stdout.close()
        process.wait()


def read_until(process, words):
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"{words!r} was not on the screen")


def test_stopped_runs_leave_nothing_and_the_next_one_ends(folders, start):
    def temporary_files():
        return sorted(path.name for path in (folders / "temporary").iterdir())

    endless = "train.epochs=1000000"
    terminated = start(endless)
    read_until(terminated, " of 1000000: loss")
    # The folder of the run and nothing beside it.
    assert len(temporary_files()) == 1
    terminated.send_signal(signal.SIGTERM)
    screen, _ = terminated.communicate(timeout=60)
    assert terminated.returncode == 128 + signal.SIGTERM
    assert screen.splitlines()[-1] == (
        "Terminated. The same command resumes here."
    )
    assert "Traceback" not in screen
    assert not temporary_files()

    killed = start(endless)
    read_until(killed, " of 1000000: loss")
    killed.kill()
    killed.communicate()
    assert len(temporary_files()) == 1

    screen, _ = start("train.epochs=1").communicate(timeout=300)
    assert "squares/report.html" in screen
    assert not temporary_files()
    working = folders / "runs" / "squares" / "artifacts"
    assert not list(working.glob("*/.system/executor_execution/*/.temp"))
