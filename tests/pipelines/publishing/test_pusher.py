"""The component by itself, on SavedModels that hold nothing."""

import dataclasses
import errno
import json
import pathlib
import shutil
import threading

import pytest

pytestmark = pytest.mark.pipeline

OTHER_OPERATION = "Scann>ScannSearchBatched"


@pytest.fixture
def models(artifact):
    """An artifact of each flavour, the second with an operation of ScaNN's."""
    from tensorflow.core.protobuf import saved_model_pb2
    from tfx.types import standard_artifacts

    def make(operation):
        saved_model = saved_model_pb2.SavedModel()
        saved_model.meta_graphs.add().graph_def.node.add(op=operation)
        model = artifact(standard_artifacts.Model)
        folder = pathlib.Path(model.uri, "Format-Serving")
        folder.mkdir()
        (folder / "saved_model.pb").write_bytes(saved_model.SerializeToString())
        return model

    return {"model": make("MatMul"), "scann_model": make(OTHER_OPERATION)}


@pytest.fixture
def push(artifact, models):
    """Pushes the models as `birds` and returns where they went."""
    from tfx.types import standard_artifacts

    from pipelines.publishing.pusher import Pusher

    blessing = artifact(standard_artifacts.ModelBlessing)
    blessing.set_int_custom_property("blessed", 1)

    def run(serving_dir):
        pushed = artifact(standard_artifacts.PushedModel)
        Pusher.EXECUTOR_SPEC.executor_class().Do(
            {
                **{name: [model] for name, model in models.items()},
                "blessing": [blessing],
            },
            {"pushed_model": [pushed]},
            {"serving_dir": str(serving_dir), "model_name": "birds"},
        )
        return json.loads(pathlib.Path(pushed.uri, "push.json").read_text())

    return run


@pytest.fixture
def held(monkeypatch):
    """Holds the first copy of a model back until it is let go."""
    copytree = shutil.copytree
    begun, let_go = threading.Event(), threading.Event()

    def copy(*args, **kwargs):
        copied = copytree(*args, **kwargs)
        if not begun.is_set():
            begun.set()
            assert let_go.wait(60)
        return copied

    monkeypatch.setattr(shutil, "copytree", copy)
    yield begun, let_go
    let_go.set()


def in_thread(function, *args, **kwargs):
    """Calls in a thread; what came out is in the list once it has ended."""
    results = []

    def call():
        try:
            results.append(function(*args, **kwargs))
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    return thread, results


def versions(serving_dir, name):
    folder = serving_dir / name
    return sorted(p.name for p in folder.iterdir() if p.is_dir())


def test_disk_that_is_full_for_the_second_flavour_leaves_neither(
    push, monkeypatch, tmp_path
):
    copytree, copied = shutil.copytree, []

    def copy(*args, **kwargs):
        if copied:
            raise OSError(errno.ENOSPC, "No space left on device")
        copied.append(args)
        return copytree(*args, **kwargs)

    with monkeypatch.context() as full:
        full.setattr(shutil, "copytree", copy)
        with pytest.raises(OSError):
            push(tmp_path / "saved_models")
    assert versions(tmp_path / "saved_models", "birds-scann") == []
    pushed = push(tmp_path / "saved_models")
    assert {pathlib.Path(one).name for one in pushed.values()} == {"1"}


def test_two_runs_that_publish_at_once_get_a_version_each(push, held, tmp_path):
    begun, let_go = held
    first, first_pushed = in_thread(push, tmp_path)
    assert begun.wait(60)
    second, second_pushed = in_thread(push, tmp_path)
    second.join(1)
    assert second.is_alive()
    let_go.set()
    first.join(60)
    second.join(60)
    for number, (pushed,) in enumerate((first_pushed, second_pushed), 1):
        assert pushed == {
            "scann": str(tmp_path / "birds-scann" / str(number)),
            "exact": str(tmp_path / "birds" / str(number)),
        }
    for name in ("birds", "birds-scann"):
        assert versions(tmp_path, name) == ["1", "2"]


def test_run_in_another_workspace_deletes_nothing_that_is_being_published(
    push, held, tmp_path, write_images, tiny_config, monkeypatch
):
    from pipelines import local_runner
    from pipelines.local_runner import run
    from pipelines.runners.progress import Progress

    def end_here(*_):
        raise InterruptedError("far enough")

    # It comes behind the sweep, and before the first step.
    monkeypatch.setattr(local_runner, "delete_unfinished", end_here)
    config = tiny_config(write_images(tmp_path / "images", 4, 2))
    serving_dir = tmp_path / "saved_models"
    left_behind = serving_dir / "birds" / ".incomplete-by-a-killed-run"
    left_behind.mkdir(parents=True)

    begun, let_go = held
    pushing, pushed = in_thread(push, serving_dir)
    assert begun.wait(60)
    running, ended = in_thread(
        run,
        dataclasses.replace(config, name="birds"),
        workspace=tmp_path / "another",
        serving_dir=serving_dir,
        progress=Progress(),
    )
    running.join(2)
    assert running.is_alive(), ended
    let_go.set()
    pushing.join(60)
    running.join(60)
    assert str(ended[0]) == "far enough"
    assert pushed[0]["exact"] == str(serving_dir / "birds" / "1")
    for name in ("birds", "birds-scann"):
        assert (serving_dir / name / "1" / "saved_model.pb").is_file()
    assert not left_behind.exists()


def test_object_store_gets_the_same_files_as_a_local_folder(
    push, tmp_path, monkeypatch
):
    from tensorflow.io import gfile

    # Where a path is mistaken for a local one, a folder is made here.
    monkeypatch.chdir(tmp_path)
    store = "ram://bucket/saved_models"
    assert push(store) == {
        "scann": f"{store}/birds-scann/1",
        "exact": f"{store}/birds/1",
    }
    push(tmp_path / "local")
    for name in ("birds", "birds-scann"):
        local = tmp_path / "local" / name
        files = [path for path in local.rglob("*") if path.is_file()]
        assert {path.name for path in files} == {
            *("saved_model.pb", "README.md", "models.config")
        }
        for path in files:
            remote = f"{store}/{name}/{path.relative_to(local)}"
            with gfile.GFile(remote, "rb") as file:
                assert file.read() == path.read_bytes()
    with gfile.GFile(f"{store}/birds-scann/README.md") as readme:
        assert OTHER_OPERATION in readme.read()
    # Such files are no versions.
    assert push(store)["exact"] == f"{store}/birds/2"
    assert not (tmp_path / "ram:").exists()


def test_changes_by_hand_that_a_run_does_not_have_are_told(
    push, tmp_path, caplog
):
    push(tmp_path)
    push(tmp_path)
    assert "changed with keras-dvml" not in caplog.text
    changes = tmp_path / "birds" / "2" / "assets.extra" / "changes.json"
    changes.parent.mkdir()
    changes.write_text('{"added": {"a.png": "/a.png"}, "removed": ["b", "c"]}')
    push(tmp_path)
    assert f"{tmp_path / 'birds' / '2'} was changed with keras" in caplog.text
    assert "1 images added, 2 removed" in caplog.text
