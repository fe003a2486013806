import json
import pathlib

import numpy as np
import pytest

import keras_dvml as kd

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def module():
    from pipelines.evaluation import retrieval_evaluator

    return retrieval_evaluator


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
def run(module, numbered_artifact, monkeypatch, tmp_path):
    """Runs the component on embeddings instead of images and models."""
    from pipelines.artifacts.models import write_classes
    from pipelines.embedding.beam_embedding import EmbeddedImages

    labels = np.repeat(np.arange(10), 6)
    noise = np.random.default_rng(0).normal(size=(60, 10))
    hardness = {"Model_1": 0.5, "Model_2": 0.3, "Model_3": 0.3}

    def embeddings(path):
        model = pathlib.Path(path).parent.name
        return np.eye(10)[labels] + hardness[model] * noise

    monkeypatch.setattr(module, "example_files", lambda *_: None)
    (tmp_path / "Model_2" / "Format-Serving").mkdir(parents=True)
    for model in ("Model_1", "Model_2"):
        write_classes(str(tmp_path / model), ["auk", "owl"])
    monkeypatch.setattr(
        module,
        "embed_through_beam",
        lambda pipeline, jobs, working_dir: {
            name: EmbeddedImages(
                np.array([f"{i:02}" for i in range(60)]),
                embeddings(job.saved_model_path),
                labels,
            )
            for name, job in jobs.items()
        },
    )

    def run(number=1, **arguments):
        evaluation = numbered_artifact("ModelEvaluation", number)
        blessing = numbered_artifact("ModelBlessing", number)
        module.RetrievalEvaluator.EXECUTOR_SPEC.executor_class._FUNCTION(
            model=numbered_artifact("Model", number),
            examples=numbered_artifact("Examples", 1),
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


def test_a_model_is_compared_with_the_last_blessed_one(
    run, numbered_artifact, caplog
):
    caplog.set_level("INFO")
    _, blessing = run(
        tolerance=0.01, baseline_model=numbered_artifact("Model", 2)
    )
    assert blessing.get_int_custom_property("blessed") == 0
    assert "of the last blessed model: -" in caplog.text


def test_a_model_is_compared_with_its_backbone_as_it_is(run):
    as_is, _ = run(number=3)
    _, blessing = run(tolerance=1.0, as_is=as_is)
    assert blessing.get_int_custom_property("blessed") == 0
    fault = blessing.get_string_custom_property("fault")
    assert "It finds less than the backbone as it is." in fault
    _, blessing = run(number=2, tolerance=1.0, as_is=as_is)
    assert blessing.get_int_custom_property("blessed") == 1
