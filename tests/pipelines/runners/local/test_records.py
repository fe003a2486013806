"""Records that cannot be written are those of before."""

import errno
import shutil
import sqlite3

import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture
def step(tmp_path):
    """A step that writes half of its records and fails, once or more often."""
    from ml_metadata import errors

    from pipelines.runners.local.records import whole_records

    path, root = tmp_path / "metadata.db", tmp_path / "artifacts"

    def run(error=None):
        folder = root / "Trainer" / "model" / "7"
        with whole_records(path, root):
            folder.mkdir(parents=True)
            with sqlite3.connect(path) as records:
                records.execute("create table if not exists events (name)")
                records.execute("insert into events values ('half')")
            if error:
                raise error

    run.error = errors.InternalError("cannot commit")
    run.path, run.root = path, root
    return run


def names(path):
    with sqlite3.connect(path) as records:
        return [name for (name,) in records.execute("select * from events")]


def test_half_written_records_are_those_of_before(step):
    step()
    before = step.path.read_bytes()
    (step.root / "Trainer/model/7").rename(step.root / "Trainer/model/6")
    with pytest.raises(type(step.error), match="cannot commit"):
        step(step.error)
    assert step.path.read_bytes() == before
    assert names(step.path) == ["half"]
    # Of an execution that the records do not know any more.
    assert not (step.root / "Trainer/model/7").exists()
    assert (step.root / "Trainer/model/6").exists()


def test_first_records_go_again(step):
    with pytest.raises(type(step.error)):
        step(step.error)
    assert not step.path.exists()


def test_full_disk_is_told_as_such(step, monkeypatch):
    free = shutil.disk_usage(step.path.parent)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(OSError) as caught:
        step(step.error)
    assert caught.value.errno == errno.ENOSPC


def test_other_failures_are_recorded(step):
    with pytest.raises(ValueError):
        step(ValueError("of the step itself"))
    assert names(step.path) == ["half"]
    assert (step.root / "Trainer/model/7").exists()
