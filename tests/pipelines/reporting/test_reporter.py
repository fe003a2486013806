"""The reporter on artifacts as the steps before it leave them."""

import json
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

pytestmark = pytest.mark.pipeline

CLASSES = np.repeat(np.arange(4), 4)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """Returns a maker of artifacts whose files are given."""
    from tfx.types import standard_artifacts

    from pipelines.artifacts.types import Quarantine

    root = tmp_path_factory.mktemp("artifacts")
    kinds = {**vars(standard_artifacts), "Quarantine": Quarantine}

    def make(kind, **files):
        made = kinds[kind]()
        folder = root / f"{kind}_{len(list(root.iterdir()))}"
        folder.mkdir()
        made.uri = str(folder)
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        return made

    return make


@pytest.fixture(scope="module")
def inputs(artifacts, write_records):
    """What a run of two methods leaves; the second one has intervals."""
    from tfx.types import artifact_utils

    from pipelines.artifacts.evaluations import write_evaluation

    random = np.random.default_rng(0)
    examples = artifacts("Examples")
    examples.split_names = artifact_utils.encode_split_names(["train", "test"])
    for split, first_class in (("train", 0), ("test", 4)):
        rows = []
        for i, label in enumerate(CLASSES):
            pixels = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
            image_bytes = tf.io.encode_png(pixels).numpy()
            rows.append(
                (image_bytes, f"{split}/{i:02}.png", label + first_class)
            )
        folder = pathlib.Path(examples.uri, f"Split-{split}")
        write_records(folder / "data.gz", rows)
    evaluation = artifacts("ModelEvaluation")
    write_evaluation(
        evaluation.uri,
        scores={"recall@1": 0.6, "mrr": 0.7},
        intervals={"recall@1": [0.5, 0.65], "mrr": [0.6, 0.8]},
        ids=np.asarray([f"test/{i:02}.png" for i in range(16)]),
        embeddings=random.normal(size=(16, 6)),
    )
    return {
        "examples": examples,
        "quarantine": artifacts("Quarantine", quarantine=[]),
        "pushed_model": artifacts("PushedModel"),
        "evaluation_as_is": artifacts(
            "ModelEvaluation", scores={"recall@1": 0.2}
        ),
        "model_run_as_is": artifacts("ModelRun", history={}),
        "evaluation_dvml": evaluation,
        "model_run_dvml": artifacts("ModelRun", history={"loss": [1.0, 0.5]}),
    }


@pytest.fixture
def trained(artifacts, tiny_backbone):
    """Writes a Model artifact as the trainer does."""
    from pipelines.training.trainer import keras_model_path

    def write(kind):
        model = artifacts("Model")
        kind(tiny_backbone, embedding_dim=6).save(keras_model_path(model.uri))
        keras.backend.clear_session()
        return model

    return write


@pytest.fixture
def report(artifacts, inputs, tmp_path):
    """Runs the executor and returns the page and the scores for programs."""
    from pipelines.artifacts.types import Report
    from pipelines.reporting.reporter import Executor

    def run(**more_inputs):
        made = Report()
        made.uri = str(tmp_path / "report")
        pathlib.Path(made.uri).mkdir()
        Executor().Do(
            {key: [one] for key, one in {**inputs, **more_inputs}.items()},
            {"report": [made]},
            {
                "titles": json.dumps({"as_is": "untrained", "dvml": "DVML"}),
                "candidate": "dvml",
                "title": "Squares",
                "notes": "{}",
            },
        )
        page = pathlib.Path(made.uri, "report.html").read_text()
        scores = pathlib.Path(made.uri, "scores.json").read_text()
        return page, json.loads(scores)

    return run


def headings(page):
    return re.findall("<h2>(.*?)</h2>", page)


def test_report_shows_scores_with_the_intervals_there_are(report):
    page, scores = report()
    assert "<small>50.0\u2013<wbr>65.0</small>" in page
    # MRR is measured and not shown; the untrained model has no intervals.
    assert page.count("<small>") == 1
    assert scores == {
        "as_is": {"recall@1": 0.2},
        "dvml": {"recall@1": 0.6},
    }


def test_report_says_why_nothing_was_published(report, artifacts):
    pushed_model = artifacts("PushedModel")
    pushed_model.set_string_custom_property("fault", "It finds too little.")
    page, _ = report(pushed_model=pushed_model)
    assert "Nothing was published. It finds too little." in page
    assert "<dt>Not pushed</dt><dd>It finds too little.</dd>" in page
    assert 'class="published"' not in page


def test_notes_tell_what_is_known_of_the_published_model(tmp_path):
    from pipelines.reporting.notes import notes_of_steps

    folder = tmp_path / "assets.extra"
    folder.mkdir()
    facts = {
        "match_threshold": 0.75,
        "false_match_rate": 0.01,
        "true_match_rate": 0.375,
        "remark": "It was trained on all images.",
    }
    (folder / "index.json").write_text(json.dumps(facts))
    push = {"exact": str(tmp_path), "scann": "elsewhere"}
    notes = notes_of_steps(None, None, push, fault="")
    assert notes["About the published model"] == facts["remark"]
    assert notes["Match threshold"] == (
        "A similarity of 0.750, which 1.0% of the queries reach with an image "
        "of another class, and 37.5% with one of their own."
    )


def test_report_without_a_model_has_no_variation(report):
    page, _ = report()
    assert headings(page) == [
        "Scores on unseen classes",
        "Training",
        "Embedding map",
        "Hardest classes",
        "Most confused classes",
        "Notes",
    ]


def test_report_of_a_variational_model_shows_what_it_varies(report, trained):
    page, _ = report(model=trained(kd.models.DVML))
    assert {"Central latent space", "Variation around an image"} < set(
        headings(page)
    )
    # One of each of the four unseen classes.
    assert page.count("Nearest to 64 draws around it") == 4


def test_report_of_a_plain_model_has_no_variation(report, trained):
    page, _ = report(model=trained(kd.models.EmbeddingModel))
    assert "Nearest to 64 draws" not in page
    assert "Central latent space" not in headings(page)


def test_component_takes_a_model_as_an_input():
    from tfx import types
    from tfx.types import standard_artifacts

    from pipelines.artifacts.types import Quarantine
    from pipelines.reporting.reporter import Reporter

    def channel(kind):
        return types.Channel(type=kind)

    reporter = Reporter(
        examples=channel(standard_artifacts.Examples),
        quarantine=channel(Quarantine),
        evaluation_dvml=channel(standard_artifacts.ModelEvaluation),
        model_run_dvml=channel(standard_artifacts.ModelRun),
        pushed_model=channel(standard_artifacts.PushedModel),
        model=channel(standard_artifacts.Model),
        candidate="dvml",
        titles='{"dvml": "DVML"}',
        title="",
        notes="{}",
    )
    assert reporter.inputs["model"].type is standard_artifacts.Model
