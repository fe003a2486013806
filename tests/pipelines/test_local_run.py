"""A real run, and what later runs over the same workspace take over."""

import dataclasses
import json
import pathlib
import re
import shutil

import numpy as np
import pytest

from pipelines.configs import TuneConfig

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("labelled run")]

SCORES = {"recall@1", "recall@2", "recall@4", "recall@8", "map@r", "nmi"}
ALL_BUT_LOOKUP = {
    "ImageExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "Tuner",
    "Trainer_pixels",
    "Trainer_hog",
    "Trainer_as_is",
    "Trainer_triplet",
    "Trainer_dvml",
    "RetrievalEvaluator_pixels",
    "RetrievalEvaluator_hog",
    "RetrievalEvaluator_as_is",
    "RetrievalEvaluator_triplet",
    "RetrievalEvaluator_dvml",
    "Indexer",
    "Pusher",
    "Reporter",
}


def leftovers(run):
    """Two half-written folders of this run's, and one of another model's."""
    return [
        run.run_dir / "artifacts" / "Trainer_dvml" / "model" / ".incomplete-a",
        run.serving_dir / "squares-scann" / ".incomplete-b",
        run.serving_dir / "circles" / ".incomplete-c",
    ]


@pytest.fixture(scope="module")
def root(labelled_root):
    return labelled_root


@pytest.fixture(scope="module")
def images(labelled_config):
    return pathlib.Path(labelled_config.ingest.folder)


@pytest.fixture(scope="module")
def config(labelled_config):
    return labelled_config


@pytest.fixture(scope="module")
def first(labelled_run):
    return labelled_run


@pytest.fixture(scope="module")
def second(first, root, config, run_locally):
    """The same once more, after a third that was killed while it wrote."""
    for folder in leftovers(first):
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"half")
    return run_locally(config, root)


@pytest.fixture(scope="module")
def retrained(second, root, config, run_locally):
    """The same data; another method, with another seed, and no trials."""
    changed = dataclasses.replace(
        config,
        train=dataclasses.replace(config.train, seed=1),
        # However badly it turns out, so that the tests know what follows.
        evaluation=dataclasses.replace(config.evaluation, tolerance=1.0),
        methods=("triplet",),
        candidate="triplet",
        tune=TuneConfig(),
    )
    return run_locally(changed, root)


@pytest.fixture(scope="module")
def pushed_again(retrained, root, config, run_locally):
    """The first configuration, after somebody cleared saved_models/."""
    shutil.rmtree(root / "saved_models")
    return run_locally(config, root)


def test_first_run_runs_every_step(first):
    assert first.steps(cached=False) >= ALL_BUT_LOOKUP


def test_every_method_is_scored_on_unseen_classes(first):
    scores = json.loads(
        (first.uri("Reporter", "report") / "scores.json").read_text()
    )
    assert list(scores) == ["pixels", "hog", "as_is", "triplet", "dvml"]
    for row in scores.values():
        assert set(row) == SCORES
        assert all(0 <= value <= 1 for value in row.values())


def test_broken_file_is_quarantined_and_clutter_is_not_even_listed(first):
    quarantine = first.uri("ImageExampleGen", "quarantine")
    rows = json.loads((quarantine / "quarantine.json").read_text())
    assert [row["path"] for row in rows] == ["class_0/broken.png"]
    assert "corrupt" in rows[0]["reason"]
    assert "! Quarantined class_0/broken.png" in first.screen


def test_classes_are_disjoint_and_complete(first):
    quarantine = first.uri("ImageExampleGen", "quarantine")
    sizes = json.loads((quarantine / "class_sizes.json").read_text())
    assert sizes == {
        "train": {f"class_{number}": 5 for number in range(4)},
        "test": {f"class_{number}": 5 for number in range(4, 8)},
    }


def test_examples_hold_the_files_as_they_were(first, images):
    import keras_dvml as kd

    uri = first.uri("ImageExampleGen", "examples")
    stored = kd.data.load_examples(str(uri / "Split-test" / "*"))
    assert len(stored.ids) == 20
    for image_id, image_bytes in zip(
        stored.ids, stored.image_bytes, strict=True
    ):
        assert (images / image_id).read_bytes() == image_bytes


def test_statistics_skip_the_image_bytes(first):
    import tensorflow_data_validation as tfdv

    uri = first.uri("StatisticsGen", "statistics")
    statistics = tfdv.load_stats_binary(
        str(uri / "Split-train" / "FeatureStats.pb")
    )
    names = {
        tuple(feature.path.step) for feature in statistics.datasets[0].features
    }
    assert names == {("label",)}


def test_evaluation_keeps_the_embeddings_it_scored(first):
    uri = first.uri("RetrievalEvaluator_dvml", "evaluation")
    saved = np.load(uri / "embeddings.npz")
    assert saved["embeddings"].shape == (20, 8)
    assert len(saved["ids"]) == len(saved["labels"]) == 20


def test_history_holds_terms_and_curve_of_each_epoch(first):
    uri = first.uri("Trainer_dvml", "model_run")
    history = json.loads((uri / "history.json").read_text())
    assert {"loss", "prior_loss", "val_recall@1"} <= set(history)
    assert {len(values) for values in history.values()} == {2}


def test_pushed_models_search_in_a_new_process(first, images, run_forked):
    query = images / "class_5" / "3.png"
    found = run_forked(
        """
import pathlib, sys
import tensorflow as tf
query = tf.constant([pathlib.Path(sys.argv[1]).read_bytes()])
def search(folder):
    model = tf.saved_model.load(folder)
    found = model.signatures["search"](image_bytes=query)
    for name in ("ids", "is_match"):
        print(found[name].shape, found[name][0, 0].numpy())
search(sys.argv[2])
# The other flavour alone needs ScaNN's operations.
from scann.scann_ops.py import scann_ops
search(sys.argv[3])
""",
        query,
        first.serving_dir / "squares" / "1",
        first.serving_dir / "squares-scann" / "1",
    )
    # The query is in the gallery, so it is its own nearest neighbour.
    assert found.splitlines() == 2 * [
        "(1, 10) b'class_5/3.png'",
        "(1, 10) True",
    ]


def test_report_is_copied_beside_the_run_and_its_path_shown(first):
    report = first.run_dir / "report.html"
    assert "http://" not in report.read_text().replace("http://www.w3.org", "")
    assert f"Report: {report}" in first.screen


def test_screen_shows_the_table_and_the_saved_models(first):
    assert "Recall@1" in first.screen
    assert str(first.serving_dir / "squares" / "1") in first.screen
    assert str(first.serving_dir / "squares-scann" / "1") in first.screen


def test_line_of_a_training_tells_epochs_and_loss(first):
    lines = {
        line.split("] ")[1].split()[0]: line
        for line in first.screen.splitlines()
        if line.startswith("[")
    }
    assert re.search(
        r" s  2 epochs, loss \d+\.\d{3}, val_recall@1 [01]\.\d{3}$",
        lines["Trainer_dvml"],
    )
    assert lines["Trainer_as_is"].endswith("first weights, not trained")


def test_second_run_takes_over_everything(second):
    assert second.steps(cached=True) == ALL_BUT_LOOKUP
    assert second.versions("squares") == {"1"}


def test_what_a_killed_run_left_is_swept_where_this_run_writes(first, second):
    *own, others = leftovers(first)
    assert not any(folder.exists() for folder in own)
    assert others.exists()


def test_second_run_has_no_baseline_but_itself(second):
    assert not second.outcomes["LastBlessedModel"].outputs.get("model")


@pytest.mark.slow
def test_new_training_budget_leaves_ingestion_alone(retrained):
    assert retrained.steps(cached=True) == {
        "ImageExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "ExampleValidator",
    }


@pytest.mark.slow
def test_new_model_is_measured_against_the_last_blessed_one(first, retrained):
    blessed = first.outcomes["Trainer_dvml"].outputs["model"][0].id
    blessing = retrained.outcomes["RetrievalEvaluator_triplet"].outputs[
        "blessing"
    ][0]
    assert blessing.get_int_custom_property("baseline_model_id") == blessed
    assert blessing.get_int_custom_property("blessed") == 1


@pytest.mark.slow
def test_new_model_gets_the_next_version_in_both_flavours(retrained):
    for name in ("squares", "squares-scann"):
        assert retrained.versions(name) == {"1", "2"}


@pytest.mark.slow
def test_cleared_saved_models_are_pushed_again(pushed_again):
    assert pushed_again.outcomes["Trainer_dvml"].is_cached
    assert not pushed_again.outcomes["Pusher"].is_cached
    assert (pushed_again.serving_dir / "squares" / "1").is_dir()


def test_too_many_bad_files_fail_and_leave_nothing(
    root, tmp_path, config, run_locally
):
    strict = dataclasses.replace(
        config,
        ingest=dataclasses.replace(config.ingest, max_bad_fraction=0.01),
    )
    with pytest.raises(ValueError, match=r"1 of 41 files are bad \(2.4%\)"):
        run_locally(strict, tmp_path)
    assert not (tmp_path / "saved_models").exists()
    artifacts = tmp_path / "runs" / "squares" / "artifacts"
    assert not list(artifacts.rglob("*.gz"))
