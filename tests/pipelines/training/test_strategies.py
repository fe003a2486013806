"""What is trained on, and who among several processes does what."""

import json

import pytest

pytestmark = pytest.mark.pipeline

WORKERS = {"worker": ["a:1", "b:2"]}
WITH_CHIEF = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}


@pytest.fixture
def tf_config(monkeypatch):
    def set_to(value):
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv("TF_CONFIG", text)

    monkeypatch.delenv("TF_CONFIG", raising=False)
    return set_to


@pytest.mark.parametrize(
    ("cluster", "kind", "index", "number"),
    [
        (WORKERS, "worker", 0, 0),
        (WORKERS, "worker", 1, 1),
        (WORKERS, "worker", "1", 1),
        (WITH_CHIEF, "chief", 0, 0),
        (WITH_CHIEF, "worker", 0, 1),
        (WITH_CHIEF, "worker", 1, 2),
    ],
)
def test_chief_is_the_one_that_tensorflow_takes_for_it(
    tf_config, cluster, kind, index, number
):
    from pipelines.training.tf_config import read_task

    tf_config({"cluster": cluster, "task": {"type": kind, "index": index}})
    task = read_task()
    assert task == (number, sum(map(len, cluster.values())))
    assert task.is_chief == (number == 0)


@pytest.mark.parametrize(
    "wrong",
    [
        "worker 1",
        "[]",
        "{}",
        {"cluster": WORKERS},
        {"cluster": WORKERS, "task": {"type": "worker", "index": 2}},
        {"cluster": WORKERS, "task": {"type": "chief", "index": 0}},
        {"cluster": {}, "task": {"type": "worker", "index": 0}},
    ],
)
def test_tf_config_that_makes_no_sense_is_shown_beside_one_that_does(
    tf_config, wrong
):
    from pipelines.training.strategies import build_strategy

    tf_config(wrong)
    with pytest.raises(ValueError, match="TF_CONFIG must be JSON.*host1:2222"):
        build_strategy("multi_worker")


def test_several_workers_without_tf_config_are_offered_one_machine(tf_config):
    from pipelines.training.strategies import build_strategy

    with pytest.raises(ValueError, match="mean train.strategy=mirrored"):
        build_strategy("multi_worker")


def test_default_is_no_strategy_and_its_only_process_the_chief():
    from pipelines.training.strategies import (
        build_strategy,
        task_of,
        wait_for_all,
    )

    strategy = build_strategy("default")
    assert strategy.num_replicas_in_sync == 1
    assert task_of(strategy).is_chief
    wait_for_all(strategy)


def test_text_of_the_only_process_is_that_of_all():
    from pipelines.training.strategies import (
        build_strategy,
        texts_of_all,
    )

    assert texts_of_all(build_strategy("default"), "train") == ["train"]


def test_processes_are_named_by_their_addresses(tf_config):
    from pipelines.training.tf_config import (
        others_named_in,
        task_names,
    )

    tf_config({"cluster": WITH_CHIEF, "task": {"type": "worker", "index": 0}})
    assert task_names() == ["chief 0 (c:3)", "worker 0 (a:1)", "worker 1 (b:2)"]
    text = "from /job:worker/task:0 to /job:worker/replica:0/task:1/device:CPU"
    assert others_named_in(text) == ["worker 1 (b:2)"]
    assert others_named_in("/job:chief/task:0, /job:worker/task:2") == [
        "chief 0 (c:3)"
    ]


def test_every_process_with_other_code_is_told_with_what_differs(tf_config):
    from pipelines.training.distributed.process import check_same_code

    tf_config({"cluster": WITH_CHIEF, "task": {"type": "worker", "index": 1}})
    same = {"keras": "2.15.0", "code": "ab"}
    check_same_code([same, same, same])
    with pytest.raises(ValueError, match="Unlike the chief, worker 0") as told:
        check_same_code([same, {**same, "code": "cd"}, {**same, "keras": "3"}])
    assert "worker 0 (a:1) has code cd, not ab; worker 1 (b:2) has" in str(
        told.value
    )
    assert "worker 1 (b:2) has keras 3, not 2.15.0. Start" in str(told.value)


def test_batch_that_devices_cannot_share_is_refused():
    from types import SimpleNamespace

    from pipelines.training.strategies import check_batch_size

    two = SimpleNamespace(num_replicas_in_sync=2)
    check_batch_size(two, 80)
    with pytest.raises(ValueError, match="number of devices, 2.*of 15 images"):
        check_batch_size(two, 15)


def test_chief_is_refused_where_another_belongs_and_the_reverse(
    tf_config, caplog
):
    import dataclasses

    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipelines import training_worker
    from pipelines.configs import TrainConfig
    from pipelines.training.distributed import chief

    cluster = {"cluster": WORKERS}
    tf_config({**cluster, "task": {"type": "worker", "index": 0}})
    assert training_worker.main([]) == 1
    assert "makes this process the chief" in caplog.text
    tf_config({**cluster, "task": {"type": "worker", "index": 1}})
    config = TrainConfig(strategy="multi_worker")
    told = FnArgs(custom_config={"train": dataclasses.asdict(config)})
    with pytest.raises(ValueError, match="python -m pipelines.training_worker"):
        chief.run_fn(told)


def test_pipeline_without_tf_config_fails_before_it_begins(
    tf_config, tmp_path, capsys
):
    from pipelines.local_runner import main

    arguments = ["--config", "glyphs_dvml", "--workspace", str(tmp_path / "r")]
    arguments += ["--set", "train.strategy=multi_worker"]
    assert main(arguments) == 1
    assert "mean train.strategy=mirrored" in capsys.readouterr().out
    tf_config({"cluster": WORKERS, "task": {"type": "worker", "index": 1}})
    assert main(arguments) == 1
    assert "python -m pipelines.training_worker" in capsys.readouterr().out
    assert not (tmp_path / "r").exists()
