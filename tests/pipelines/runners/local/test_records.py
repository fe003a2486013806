"""Records of earlier runs: read, and kept whole on a full disk."""

import errno
import shutil
import sqlite3

import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture
def step(tmp_path):
    """A step that writes half of its records and fails, once or more often."""
    from ml_metadata import errors

    from pipelines.runners.local.records import rollback_on_failure

    path, root = tmp_path / "metadata.db", tmp_path / "artifacts"

    def run(error=None):
        folder = root / "Trainer" / "model" / "7"
        with rollback_on_failure(path, root):
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


def test_outputs_of_killed_steps_go_and_all_others_stay(tmp_path):
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from tfx.orchestration import metadata

    from pipelines.runners.local.records import delete_unfinished

    states = {
        "killed": mlmd.Execution.RUNNING,
        "failed": mlmd.Execution.FAILED,
        "complete": mlmd.Execution.COMPLETE,
        "cached": mlmd.Execution.CACHED,
    }
    connection = metadata.sqlite_metadata_connection_config(
        str(tmp_path / "metadata.db")
    )
    with metadata.Metadata(connection) as handle:
        kind = mlmd.ExecutionType(name="Trainer")
        type_id = handle.store.put_execution_type(kind)
        numbers = handle.store.put_executions(
            [
                mlmd.Execution(type_id=type_id, last_known_state=state)
                for state in states.values()
            ]
        )
    folders = dict(zip([*states, "unknown"], [*numbers, 99], strict=True))
    for number in folders.values():
        folder = tmp_path / "Trainer" / "model" / str(number)
        folder.mkdir(parents=True)
        (folder / "model.keras").write_bytes(b"weights")
        working = tmp_path / "Trainer" / ".system" / "executor_execution"
        (working / str(number) / ".temp").mkdir(parents=True)
    delete_unfinished(tmp_path / "metadata.db", tmp_path)
    kept = {str(folders[name]) for name in ("complete", "cached", "unknown")}
    for parent in (tmp_path / "Trainer" / "model", working):
        assert {path.name for path in parent.iterdir()} == kept


def test_last_parameters_are_those_of_the_last_success(tmp_path):
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    from pipelines.runners.local.records import last_parameters

    path = tmp_path / "metadata.db"
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = 3  # Made where it is missing.
    store = metadata_store.MetadataStore(config)
    execution_type = store.put_execution_type(mlmd.ExecutionType(name="Tuner"))
    node_type = store.put_context_type(mlmd.ContextType(name="node"))
    context = mlmd.Context(type_id=node_type, name="my.birds.Tuner")
    for number, state in enumerate(("COMPLETE", "CACHED", "FAILED")):
        execution = mlmd.Execution(
            type_id=execution_type,
            last_known_state=mlmd.Execution.State.Value(state),
        )
        execution.custom_properties["seed"].int_value = number
        store.put_execution(execution, [], [context], True)
    assert last_parameters(path) == {"Tuner": {"seed": 1}}


def test_records_are_read_without_tfx(tmp_path, run_python):
    shown = run_python(
        "import pathlib, sys; from pipelines.runners.local import records;"
        "print(records.last_parameters(pathlib.Path(sys.argv[1])));"
        "print('tfx' in sys.modules, 'tensorflow' in sys.modules)",
        tmp_path / "metadata.db",
    )
    assert shown.splitlines() == ["{}", "False False"]


@pytest.mark.parametrize("damage", ["text", "begin", "page"])
def test_broken_records_are_named_with_a_way_out(damage, tmp_path):
    from pipelines.runners.local.records import (
        delete_unfinished,
        last_parameters,
    )

    path = tmp_path / "metadata.db"
    with sqlite3.connect(path) as records:
        records.execute("create table events (name)")
        records.executemany(
            "insert into events values (?)", [("x" * 2000,)] * 20
        )
    records.close()
    content = path.read_bytes()
    places = {"begin": 16, "page": 3 * 4096}
    if damage == "text":
        path.write_bytes(b"no records at all, but a long text" * 200)
    else:
        begin = places[damage]
        junk = b"\xff" * 200
        path.write_bytes(content[:begin] + junk + content[begin + 200 :])
    for read in (last_parameters, lambda path: delete_unfinished(path, path)):
        with pytest.raises(ValueError) as raised:
            read(path)
        message = str(raised.value)
        assert message.startswith(f"{path} cannot be read as the records")
        assert "Move it away" in message and len(message) < 500
