import io
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from pipelines.configs import IngestConfig, PipelineConfig
from pipelines.runners.local.workspace import (
    claim,
    only_run_in,
    own_temporary_folder,
    sweep,
)
from pipelines.runners.progress import Progress


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def other_run(tmp_path):
    """Another process that holds the lock until it is killed."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys, time\n"
            "from pipelines.runners.progress import Progress\n"
            "from pipelines.runners.local.workspace import only_run_in\n"
            "with only_run_in(pathlib.Path(sys.argv[1]), Progress()):\n"
            "    print('locked', flush=True)\n"
            "    time.sleep(100)\n",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_run_alone_says_nothing(tmp_path, screen):
    with only_run_in(tmp_path, Progress(screen)):
        assert (tmp_path / "run.lock").read_text() == f"{os.getpid()}\n"
    assert screen.getvalue() == ""


def test_second_run_says_whom_it_waits_for_and_goes_on_after_a_kill(
    tmp_path, screen, other_run
):
    entered = threading.Event()

    def second():
        with only_run_in(tmp_path, Progress(screen)):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not entered.wait(0.5)
    assert f"process {other_run.pid}" in screen.getvalue()
    assert str(tmp_path) in screen.getvalue()
    other_run.kill()
    assert entered.wait(5)
    thread.join()


def test_failing_run_lets_the_next_one_in(tmp_path, screen):
    with pytest.raises(RuntimeError), only_run_in(tmp_path, Progress(screen)):
        raise RuntimeError
    start = time.monotonic()
    with only_run_in(tmp_path, Progress(screen)):
        pass
    assert time.monotonic() - start < 1
    assert screen.getvalue() == ""


def test_folder_of_any_name_is_claimed_again_and_by_nobody_else(tmp_path):
    # Of bytes that are no UTF-8.
    mine, other = (
        PipelineConfig(name="birds", ingest=IngestConfig(folder=folder))
        for folder in ("/images/bi\udcffrds", "/images/birds")
    )
    claim(tmp_path, mine)
    claim(tmp_path, mine)
    with pytest.raises(ValueError, match="not of /images/birds"):
        claim(tmp_path, other)


def test_sweep_deletes_what_was_never_finished_and_nothing_else(tmp_path):
    kept = tmp_path / "Trainer" / "model" / "7" / "model.keras"
    half = tmp_path / "Trainer" / "model" / "8" / ".incomplete-x1"
    half.mkdir(parents=True)
    (half / "saved_model.pb").write_bytes(b"half")
    kept.parent.mkdir()
    kept.write_bytes(b"whole")
    (tmp_path / ".incomplete-y2").write_bytes(b"half")
    sweep(tmp_path, tmp_path / "gone")
    assert kept.read_bytes() == b"whole"
    assert not list(tmp_path.rglob(".incomplete-*"))


def test_temporary_files_of_a_run_go_with_it_and_with_the_next_one(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with own_temporary_folder(tmp_path / "run") as folder:
        assert folder.parent == tmp_path
        assert pathlib.Path(tempfile.mkdtemp()).parent == folder
        script = "import tempfile; print(tempfile.gettempdir())"
        command = [sys.executable, "-c", script]
        printed = subprocess.run(command, capture_output=True, text=True).stdout
        assert printed.strip() == str(folder)
    assert tempfile.gettempdir() == str(tmp_path)
    assert not list(tmp_path.iterdir())
    # What a killed run has left lies where the next one looks.
    folder.mkdir()
    (folder / "left").write_bytes(b"")
    with own_temporary_folder(tmp_path / "run") as again:
        assert again == folder
        assert not list(again.iterdir())
