import json
import pathlib
from types import SimpleNamespace

import numpy as np
import pytest

import keras_dvml as kd

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def module():
    from pipelines.components import retrieval_evaluator

    return retrieval_evaluator


@pytest.fixture
def artifact(tmp_path):
    from tfx.types import standard_artifacts

    def make(kind, number):
        made = vars(standard_artifacts)[kind]()
        made.id = number
        made.uri = str(tmp_path / f"{kind}_{number}")
        return made

    return make


@pytest.mark.parametrize(
    ("recall", "baseline_recall", "blessed"),
    [
        (0.0, None, True),  # The first model has nothing to lose against.
        (0.60, 0.50, True),
        (0.50, 0.50, True),
        (0.49, 0.50, True),  # Within the tolerance of 0.01 ...
        (0.48, 0.50, False),  # ... and outside it.
    ],
)
def test_blessing_depends_on_the_last_blessed_model(
    module, recall, baseline_recall, blessed
):
    assert (
        module.deserves_blessing(recall, baseline_recall, tolerance=0.01)
        == blessed
    )


def test_blessing_tells_how_sure_the_difference_is(module, caplog):
    caplog.set_level("INFO")
    difference = kd.evaluation.Difference(0.1, -0.02, 0.22)
    assert module.deserves_blessing(0.6, 0.5, 0.01, difference=difference)
    assert "+10.0 points, 95% interval -2.0 to +22.0" in caplog.text


@pytest.mark.parametrize(
    ("high", "blessed"), [(-0.001, False), (0.0, True), (0.01, True)]
)
def test_model_that_is_worse_for_sure_is_not_blessed(module, high, blessed):
    # Half a point less, which the tolerance of one point would let pass.
    difference = kd.evaluation.Difference(-0.005, -0.009, high)
    assert (
        module.deserves_blessing(0.495, 0.5, 0.01, difference=difference)
        == blessed
    )


def test_summary_tells_how_sure_the_scores_are(module):
    scores = {"recall@1": 0.612, "map@r": 0.3, "nmi": 0.5, "ami": 0.4}
    intervals = {
        name: kd.evaluation.Interval(value - 0.03, value + 0.025)
        for name, value in scores.items()
    }
    assert module.summarize(scores, intervals) == (
        "recall@1 61.2% (58.2 to 63.7%), map@r 30.0% (27.0 to 32.5%), "
        "nmi 50.0% (47.0 to 52.5%)"
    )


@pytest.fixture
def run(module, artifact, monkeypatch, tmp_path):
    """Runs the component on embeddings instead of images and models."""
    labels = np.repeat(np.arange(10), 6)
    images = SimpleNamespace(
        ids=[f"{i}" for i in range(60)], labels=labels, image_bytes=[b""] * 60
    )
    noise = np.random.default_rng(0).normal(size=(60, 10))
    hardness = {"Model_1": 0.5, "Model_2": 0.3}
    monkeypatch.setattr(module, "example_files", lambda *_: None)
    monkeypatch.setattr(kd.data, "load_examples", lambda _: images)
    (tmp_path / "Model_2" / "Format-Serving").mkdir(parents=True)
    monkeypatch.setattr(
        module,
        "embed_images",
        lambda path, _: (
            np.eye(10)[labels]
            + hardness[pathlib.Path(path).parent.name] * noise
        ),
    )

    def run(**arguments):
        evaluation = artifact("ModelEvaluation", 1)
        blessing = artifact("ModelBlessing", 1)
        module.RetrievalEvaluator.EXECUTOR_SPEC.executor_class._FUNCTION(
            model=artifact("Model", 1),
            examples=artifact("Examples", 1),
            evaluation=evaluation,
            blessing=blessing,
            **arguments,
        )
        return evaluation, blessing

    return run


def test_intervals_stand_beside_the_scores(run):
    evaluation, _ = run(ks="[1, 2, 60]")
    folder = pathlib.Path(evaluation.uri)
    scores = json.loads((folder / "scores.json").read_text())
    intervals = json.loads((folder / "intervals.json").read_text())
    assert list(scores) == list(intervals)
    assert "recall@2" in scores and "recall@60" not in scores
    for name, (low, high) in intervals.items():
        assert low < scores[name] < high, name
    summary = evaluation.get_string_custom_property("summary")
    assert summary.startswith(f"recall@1 {scores['recall@1']:.1%} (")


def test_a_model_is_compared_with_the_last_blessed_one(run, artifact, caplog):
    caplog.set_level("INFO")
    _, blessing = run(tolerance=0.01, baseline_model=artifact("Model", 2))
    assert blessing.get_int_custom_property("blessed") == 0
    assert "Recall@1 differs by -" in caplog.text


@pytest.mark.parametrize(
    ("blessed", "file"), [(True, "BLESSED"), (False, "NOT_BLESSED")]
)
def test_blessing_is_written_as_tfx_reads_it(module, artifact, blessed, file):
    import os

    blessing = artifact("ModelBlessing", 3)
    model, baseline = artifact("Model", 1), artifact("Model", 2)
    module.write_blessing(blessing, blessed, model, baseline)
    assert blessing.get_int_custom_property("blessed") == int(blessed)
    assert blessing.get_int_custom_property("current_model_id") == 1
    assert blessing.get_int_custom_property("baseline_model_id") == 2
    assert os.listdir(blessing.uri) == [file]


def test_model_is_never_its_own_baseline(module, artifact):
    model = artifact("Model", 1)
    assert not module.is_usable_baseline(model, model)


def test_baseline_that_is_gone_is_passed_over(module, artifact, caplog):
    assert not module.is_usable_baseline(
        artifact("Model", 1), artifact("Model", 2)
    )
    assert "is gone" in caplog.text


def blessing_of(artifact, number, blessed=1):
    blessing = artifact("ModelBlessing", 100 + number)
    blessing.set_int_custom_property("current_model_id", number)
    blessing.set_int_custom_property("blessed", blessed)
    return blessing


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (3, [2]),  # The last one is blessed, but it is the candidate.
        (4, [3]),
        (1, [3]),  # An old model comes back: the newest blessed is its judge.
    ],
)
def test_baseline_is_the_last_blessed_other_model(
    artifact, candidate, expected
):
    from pipelines.components.baseline import LatestOtherBlessedModelStrategy

    models = {number: artifact("Model", number) for number in (1, 2, 3, 4)}
    resolved = LatestOtherBlessedModelStrategy().resolve_artifacts(
        store=None,
        input_dict={
            "model": list(models.values()),
            "model_blessing": [
                blessing_of(artifact, number) for number in (1, 2, 3)
            ],
            "candidate": [models[candidate]],
        },
    )
    assert [model.id for model in resolved["model"]] == expected


def test_models_that_were_not_blessed_are_no_baseline(artifact):
    from pipelines.components.baseline import LatestOtherBlessedModelStrategy

    resolved = LatestOtherBlessedModelStrategy().resolve_artifacts(
        store=None,
        input_dict={
            "model": [artifact("Model", 1), artifact("Model", 2)],
            "model_blessing": [blessing_of(artifact, 1, blessed=0)],
            "candidate": [artifact("Model", 2)],
        },
    )
    assert resolved["model"] == []
