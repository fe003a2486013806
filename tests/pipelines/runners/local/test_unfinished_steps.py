import pytest

pytestmark = pytest.mark.pipeline


def test_outputs_of_killed_steps_go_and_all_others_stay(tmp_path):
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from tfx.orchestration import metadata

    from pipelines.runners.local.unfinished_steps import delete_unfinished

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
    delete_unfinished(tmp_path, connection)
    kept = {str(folders[name]) for name in ("complete", "cached", "unknown")}
    for parent in (tmp_path / "Trainer" / "model", working):
        assert {path.name for path in parent.iterdir()} == kept
