"""Who publishes a model, waits for whoever else does."""

import os
import subprocess
import sys
import threading

import pytest

from keras_dvml import publisher_lock
from keras_dvml.publisher_lock import only_publisher_of

HOLD = """
import sys, time
from keras_dvml.publisher_lock import only_publisher_of
with only_publisher_of(sys.argv[1]):
    print("inside", flush=True)
    time.sleep(100)
"""
# Where `fcntl` is missing, with what `msvcrt` promises.
ON_WINDOWS = """
import fcntl, sys, types
locked = fcntl.flock
def locking(descriptor, mode, num_bytes):
    assert (mode, num_bytes) == (2, 1)
    try:
        locked(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PermissionError(13, "Permission denied")
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
sys.modules["fcntl"] = None
import pathlib, shutil, tempfile
sys.platform = "win32"
"""


@pytest.fixture
def in_another_process(pytestconfig):
    """Runs code in a process that is killed in the end, when it has begun."""
    processes = []

    def run(code, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=pytestconfig.rootpath,
        )
        processes.append(process)
        assert process.stdout.readline() == "inside\n"
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def in_thread(*model_dirs):
    """Asks for models in a thread; the event says that it is inside."""
    inside = threading.Event()

    def publish():
        with only_publisher_of(*model_dirs):
            inside.set()

    threading.Thread(target=publish, daemon=True).start()
    return inside


@pytest.mark.parametrize("code", [HOLD, ON_WINDOWS + HOLD])
def test_another_process_is_waited_for_until_it_ends(
    code, in_another_process, tmp_path, caplog
):
    process = in_another_process(code, tmp_path / "birds")
    inside = in_thread(tmp_path / "birds")
    assert not inside.wait(0.5)
    process.kill()
    assert inside.wait(5)
    assert caplog.messages == [
        f"Waiting for another publisher of {tmp_path / 'birds'}"
    ]


def test_process_waits_where_fcntl_is_missing(in_another_process, tmp_path):
    with only_publisher_of(tmp_path / "birds"):
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-c", ON_WINDOWS + HOLD, tmp_path / "birds"],
                timeout=2,
            )
    in_another_process(ON_WINDOWS + HOLD, tmp_path / "birds")


def test_models_have_a_lock_each_and_flavours_one(tmp_path):
    with only_publisher_of(tmp_path / "birds"):
        assert in_thread(tmp_path / "cars").wait(5)
        flavour = in_thread(tmp_path / "birds-scann")
        both = in_thread(tmp_path / "cars", tmp_path / "birds")
        assert not flavour.wait(0.3) and not both.wait(0.3)
    assert flavour.wait(5) and both.wait(5)
    # What is served is in folders: a server passes over these.
    assert sorted(os.listdir(tmp_path)) == [".birds.lock", ".cars.lock"]
    assert all(path.is_file() for path in tmp_path.iterdir())


def test_two_flavours_at_once_are_no_two_models(tmp_path):
    flavours = tmp_path / "birds-scann", tmp_path / "birds"
    assert in_thread(*flavours).wait(5)


def test_two_that_ask_for_two_models_do_not_wait_for_each_other(tmp_path):
    birds, cars = tmp_path / "birds", tmp_path / "cars"
    for _ in range(20):
        asked = [in_thread(birds, cars), in_thread(cars, birds)]
        assert all(inside.wait(5) for inside in asked)


def test_failure_lets_the_next_one_in(tmp_path):
    with pytest.raises(RuntimeError), only_publisher_of(tmp_path / "birds"):
        raise RuntimeError
    assert in_thread(tmp_path / "birds").wait(5)


def test_file_system_without_locks_is_no_failure(tmp_path, monkeypatch, caplog):
    def unsupported(*_):
        raise OSError("Operation not supported")

    monkeypatch.setattr(publisher_lock, "_lock", unsupported)
    with only_publisher_of(tmp_path / "birds"):
        pass
    assert "birds without a lock: Operation not supported" in caplog.text


def test_leftovers_are_deleted_by_whoever_is_alone(tmp_path, monkeypatch):
    for name in ("birds", "birds-scann", "cars"):
        (tmp_path / name / ".incomplete-x" / "inside").mkdir(parents=True)
        (tmp_path / name / ".incomplete-file").write_text("half")
        (tmp_path / name / "1").mkdir()
    with only_publisher_of(tmp_path / "birds"):
        assert os.listdir(tmp_path / "birds") == ["1"]
        assert os.listdir(tmp_path / "birds-scann") == ["1"]
    assert len(os.listdir(tmp_path / "cars")) == 3

    # Who has no lock may not be alone.
    def unsupported(*_):
        raise OSError("Operation not supported")

    monkeypatch.setattr(publisher_lock, "_lock", unsupported)
    with only_publisher_of(tmp_path / "cars"):
        pass
    assert len(os.listdir(tmp_path / "cars")) == 3


def test_object_store_is_published_to_without_a_lock(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    with only_publisher_of("gs://bucket/birds"):
        pass
    assert "gs://bucket/birds without a lock" in caplog.text
    assert not list(tmp_path.iterdir())
