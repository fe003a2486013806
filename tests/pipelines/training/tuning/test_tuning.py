"""Trials, what they are scored on, and a run that takes up the best of them."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest

from pipelines.configs import TrainConfig, TuneConfig

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("labelled run")]


@pytest.fixture(scope="module")
def images():
    """Six classes, numbered with a gap, of four pictures each."""
    import tensorflow as tf

    import keras_dvml as kd
    from keras_dvml.data.encoded_images import SpooledBytes

    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 5, 6, 7], 4)
    colors = random.integers(40, 216, (8, 1, 1, 3))
    pixels = colors[labels] + random.integers(-40, 40, (24, 16, 16, 3))
    return kd.data.EncodedImages(
        # As `load_examples` has them.
        image_bytes=SpooledBytes(
            tf.io.encode_png(one.astype(np.uint8)).numpy() for one in pixels
        ).take(np.arange(24)),
        ids=np.asarray([f"{i:02}.png" for i in range(24)]),
        labels=labels,
        label_names=labels.astype(str),
    )


@pytest.fixture
def train():
    return TrainConfig(
        method="dvml",
        image_size=16,
        widths=(4, 8),
        embedding_dim=8,
        num_samples=2,
        epochs=4,
        steps_per_epoch=2,
        classes_per_batch=3,
        images_per_class=3,
        release_decoder_at=2,
    )


@pytest.fixture
def trials_of(monkeypatch, images, train):
    """Runs trials whose scores are given, not trained for."""
    from pipelines.training.tuning import trials

    def run(tune, score_of, config=train):
        seen = []

        def trial(config, *parts):
            seen.append((config, *parts))
            return {name: score_of(config) for name in ("recall@1", "map@r")}

        monkeypatch.setattr(trials, "_run_trial", trial)
        return trials.tune_training(images, config, tune), seen

    return run


def test_trials_are_scored_on_classes_they_are_not_trained_on(images):
    from pipelines.training.tuning.trials import split_by_class

    trained, validated = split_by_class(images, 0.34)
    assert set(trained.labels) == {0, 1, 2, 5}
    assert set(validated.labels) == {6, 7}
    assert trained.ids.tolist() == [f"{i:02}.png" for i in range(16)]
    for part in (trained, validated):
        for number, image_id in enumerate(part.ids):
            whole = images.image_bytes[int(image_id[:2])]
            assert part.image_bytes[number] == whole


def test_fewer_than_four_classes_are_too_few_to_tune_on(images):
    from pipelines.training.tuning.trials import split_by_class

    few = images._replace(labels=np.arange(24) % 3)
    with pytest.raises(ValueError, match="at least 4 classes.*received 3"):
        split_by_class(few, 0.25)


def test_first_trial_has_the_runs_own_values(trials_of, train):
    tuning, seen = trials_of(TuneConfig(trials=3), lambda config: 0.5)
    config, trained, validated = seen[0]
    assert (config.loss, config.prior_weight) == ("triplet", (0.01, 0.01))
    assert not set(trained.labels) & set(validated.labels)
    # Of equal ones the first: nothing was gained by the others.
    assert tuning.best.number == 1
    assert len({str(one.values) for one in tuning.trials}) == 3


def test_trials_are_as_long_as_they_are_told_and_phases_keep_their_share(
    trials_of,
):
    _, seen = trials_of(TuneConfig(trials=1, epochs=2), lambda config: 0.5)
    # The second phase begins after half of the epochs here as there.
    assert (seen[0][0].epochs, seen[0][0].release_decoder_at) == (2, 1)


def test_best_trial_gives_its_values_to_the_training(trials_of, train):
    from pipelines.training.hyperparameters import with_hyperparameters

    tuning, seen = trials_of(
        TuneConfig(trials=8), lambda config: config.prior_weight[0]
    )
    best = max(seen, key=lambda one: one[0].prior_weight)[0]
    assert tuning.best.number == [one[0] for one in seen].index(best) + 1
    trained = with_hyperparameters(train, tuning.best_hyperparameters)
    for name in ("loss", "prior_weight", "synthetic_weight"):
        assert getattr(trained, name) == getattr(best, name)
    assert trained.epochs == train.epochs
    assert trained.invariant_weight == train.invariant_weight


def test_factors_stay_in_the_range_that_was_given(trials_of):
    tune = TuneConfig(trials=10, min_factor=0.5, max_factor=2.0)
    tuning, _ = trials_of(tune, lambda config: 0.5)
    for trial in tuning.trials:
        factors = [v for k, v in trial.values.items() if k != "loss"]
        assert len(factors) == 3
        assert all(0.5 <= factor <= 2.0 for factor in factors)


def test_trials_end_where_there_is_nothing_new_to_try(trials_of, train):
    plain = dataclasses.replace(train, method="plain")
    tuning, _ = trials_of(TuneConfig(trials=9), lambda config: 0.5, plain)
    losses = [trial.values["loss"] for trial in tuning.trials]
    assert losses[0] == "triplet" and len(losses) == len(set(losses)) == 4


def test_failed_trial_is_told_and_another_wins(trials_of):
    from pipelines.training.tuning.trials_page import trials_page

    def score(config):
        if config.prior_weight == (0.01, 0.01):
            raise ValueError("embeddings are not finite")
        return 0.25

    tuning, _ = trials_of(TuneConfig(trials=2), score)
    assert not tuning.trials[0].scores
    assert tuning.best.number == 2
    page = trials_page(tuning, "map@r")
    best, failed = [row for row in page.splitlines() if "<td>" in row]
    assert best.startswith('<tr class="best"><td>2</td><td>25.0</td>')
    assert failed.startswith("<tr><td>1</td><td>failed</td>")


def test_failure_of_all_trials_is_an_error_with_its_reason(trials_of):
    def score(config):
        raise ValueError("embeddings are not finite")

    with pytest.raises(RuntimeError, match="embeddings are not finite"):
        trials_of(TuneConfig(trials=2), score)


def test_trial_trains_and_scores(images, train):
    from pipelines.training.tuning.trials import tune_training

    # Quicker than DVML, whose trials the run has.
    plain = dataclasses.replace(train, method="plain")
    first, again = (
        tune_training(images, plain, TuneConfig(trials=1, epochs=1))
        for _ in range(2)
    )
    assert set(first.best.scores) == {"recall@1", "map@r"}
    assert first == again


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trials": -1}, "`tune.trials`.*trials=-1"),
        ({"epochs": 0}, "`tune.epochs`.*epochs=0"),
        ({"min_factor": 0.0}, "min_factor=0.0"),
        ({"min_factor": 3.0, "max_factor": 2.0}, "max_factor=2.0"),
        ({"validation_fraction": 1.0}, "validation_fraction=1.0"),
        ({"losses": ("tripel",)}, "`tune.losses`.*'tripel'"),
        ({"losses": ()}, "one at least"),
        ({"score": "nmi"}, "`tune.score`.*'nmi'"),
    ],
)
def test_wrong_tuning_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        TuneConfig(**wrong)


@pytest.mark.parametrize("candidate", ["triplet", "udml"])
def test_only_methods_with_something_to_tune_on_labels_are_tuned(candidate):
    from pipelines.configs import load_config

    config = load_config("glyphs_dvml")
    with pytest.raises(ValueError, match=f"candidate='{candidate}'"):
        dataclasses.replace(
            config,
            methods=(candidate,),
            candidate=candidate,
            tune=TuneConfig(trials=2),
        )


@pytest.fixture(scope="module")
def first(labelled_run):
    return labelled_run


def best_values(run):
    path = run.uri("Tuner", "best_hyperparameters")
    text = (path / "best_hyperparameters.txt").read_text()
    return json.loads(text)["values"]


def test_training_takes_up_the_best_values(first):
    import keras

    path = first.uri("Trainer_dvml", "model") / "model.keras"
    model = keras.models.load_model(path, compile=False)
    told = model.get_config()
    values = best_values(first)
    own = TrainConfig()
    for term in ("prior", "reconstruction", "synthetic"):
        factor = values[f"{term}_factor"]
        expected = [factor * one for one in getattr(own, f"{term}_weight")]
        np.testing.assert_allclose(told[f"{term}_weight"], expected)
    assert told["invariant_weight"] == list(own.invariant_weight)


def test_trials_are_left_as_rows_and_as_a_page(first):
    uri = first.uri("Tuner", "tuner_results")
    rows = json.loads((uri / "tuner_results.json").read_text())
    assert [row["trial_id"] for row in rows] == ["1", "2"]
    best = max(rows, key=lambda row: row["score"])
    assert {k: best[k] for k in best_values(first)} == best_values(first)
    page = first.run_dir / "trials.html"
    assert page.read_text() == (uri / "trials.html").read_text()
    assert f"Trials: {page}" in first.screen


def test_screen_and_report_tell_of_the_tuning(first):
    words = "2 trials on 2 classes, best map@r"
    (line,) = [one for one in first.screen.splitlines() if "] Tuner" in one]
    assert words in line
    page = first.uri("Reporter", "report") / "report.html"
    assert words in page.read_text()


def test_validation_of_the_examples_is_told_on_screen_and_in_the_report(first):
    (line,) = [
        one for one in first.screen.splitlines() if "] ExampleValidator" in one
    ]
    assert line.endswith("no anomalies")
    page = (first.run_dir / "report.html").read_text()
    assert "Validation of the examples" in page


def test_classes_to_test_on_are_not_even_read(
    first, labelled_config, artifact, monkeypatch
):
    from tfx.types import artifact_utils, standard_artifacts

    from pipelines.training.tuning import trials
    from pipelines.training.tuning.tuner import Tuner

    examples = artifact(standard_artifacts.Examples)
    examples.split_names = artifact_utils.encode_split_names(["train", "test"])
    shutil.copytree(
        first.uri("ImageExampleGen", "examples") / "Split-train",
        pathlib.Path(examples.uri, "Split-train"),
    )
    seen = []

    def trial(config, *parts):
        seen.extend(parts)
        return {"recall@1": 0.5, "map@r": 0.5}

    monkeypatch.setattr(trials, "_run_trial", trial)
    train = dataclasses.replace(labelled_config.train, method="dvml")
    Tuner.EXECUTOR_SPEC.executor_class().Do(
        {"examples": [examples]},
        {
            "best_hyperparameters": [
                artifact(standard_artifacts.HyperParameters)
            ],
            "tuner_results": [artifact(standard_artifacts.TunerResults)],
        },
        {
            "train": json.dumps(dataclasses.asdict(train)),
            "tune": json.dumps(dataclasses.asdict(labelled_config.tune)),
            "code_fingerprint": "",
        },
    )
    # Two trials, trained on two of the four classes and scored on the others.
    assert [set(part.label_names) for part in seen] == 2 * [
        {"class_0", "class_1"},
        {"class_2", "class_3"},
    ]
