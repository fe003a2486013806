"""From a flat folder without labels to a search, and what runs again when."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from pipelines.configs import RoundsConfig

pytestmark = pytest.mark.pipeline

ROUNDS = {
    "ImageExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "Trainer_as_is",
    "Trainer_udml_0",
    "Clusterer_udml_1",
    "Trainer_udml_1",
    "Clusterer_udml_2",
    "Trainer_udml_2",
}
THIRD_ROUND = {"Clusterer_udml_3", "Trainer_udml_3"}
REST = {
    "Clusterer_udml_final",
    "CopyEvaluator_as_is",
    "CopyEvaluator_udml",
    "Indexer",
    "Pusher",
    "Reporter",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory, write_images):
    root = tmp_path_factory.mktemp("unlabelled_run")
    nested = write_images(root / "images", num_classes=4, images_per_class=10)
    for number, path in enumerate(sorted(nested.glob("*/*.png"))):
        # Flat but for one sub-folder, which means nothing.
        if path.parent.name != "class_3":
            path.rename(nested / f"{number:02}.png")
    for folder in nested.glob("class_[0-2]"):
        folder.rmdir()
    (nested / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n...")
    return root


@pytest.fixture(scope="module")
def config(root, tiny_config):
    labelled = tiny_config(root / "images")
    return dataclasses.replace(
        labelled,
        ingest=dataclasses.replace(labelled.ingest, labelled=False),
        train=dataclasses.replace(labelled.train, augmentation="photographs"),
        rounds=RoundsConfig(
            num_rounds=2,
            epochs_per_round=1,
            rotation_epochs=1,
            num_clusters=6,
            images_per_shown_cluster=10,
        ),
        methods=("as_is", "udml"),
        candidate="udml",
    )


@pytest.fixture(scope="module")
def whole(root, config, run_locally):
    return run_locally(config, root)


@pytest.fixture(scope="module")
def longer(whole, root, config, run_locally):
    """A round more."""
    return run_locally(of_three_rounds(config), root)


@pytest.fixture(scope="module")
def again(longer, root, config, run_locally):
    """The same once more."""
    return run_locally(of_three_rounds(config), root)


def of_three_rounds(config):
    rounds = dataclasses.replace(config.rounds, num_rounds=3)
    return dataclasses.replace(config, rounds=rounds)


def facts(run, step):
    uri = run.uri(step, "pseudo_labels")
    return json.loads((uri / "clusters.json").read_text())


def test_every_step_runs(whole):
    assert whole.steps(cached=False) >= ROUNDS | REST


def test_one_image_in_ten_is_held_out_and_bad_files_set_aside(whole):
    quarantine = whole.uri("ImageExampleGen", "quarantine")
    sizes = json.loads((quarantine / "class_sizes.json").read_text())
    # 41 files, five held out; the broken one is of either split.
    assert sizes["train"][""] + sizes["test"][""] == 40
    assert sizes["test"][""] in (4, 5)
    rows = json.loads((quarantine / "quarantine.json").read_text())
    assert [row["path"] for row in rows] == ["broken.png"]


def test_examples_have_no_labels(whole):
    import keras_dvml as kd

    uri = whole.uri("ImageExampleGen", "examples")
    images = kd.data.load_examples(str(uri / "Split-train" / "*"))
    assert images.labels is None
    assert set(images.label_names) == {""}


def test_statistics_are_of_the_ids(whole):
    import tensorflow_data_validation as tfdv

    uri = whole.uri("StatisticsGen", "statistics")
    statistics = tfdv.load_stats_binary(
        str(uri / "Split-train" / "FeatureStats.pb")
    )
    names = {
        tuple(feature.path.step) for feature in statistics.datasets[0].features
    }
    assert names == {("image/id",)}


def test_rounds_cluster_features_first_and_embeddings_later(whole):
    one, two = (facts(whole, f"Clusterer_udml_{r}") for r in (1, 2))
    assert (one["space"], two["space"]) == ("features", "embeddings")
    assert one["num_clusters"] == two["num_clusters"] == 6
    assert one["changed"] is None and 0 <= two["changed"] <= 1
    assert one["num_images"] == two["num_images"] < 40


def test_history_runs_through_all_rounds(whole):
    uri = whole.uri("Trainer_udml_2", "model_run")
    history = json.loads((uri / "history.json").read_text())
    # An epoch of turned images alone and one in each of the two rounds.
    assert {len(values) for values in history.values()} == {3}
    assert {"loss", "metric_loss", "rotation_loss"} == set(history)


def test_scores_are_of_copies_and_never_called_recall(whole):
    uri = whole.uri("Reporter", "report")
    scores = json.loads((uri / "scores.json").read_text())
    assert list(scores) == ["as_is", "udml"]
    for row in scores.values():
        assert set(row) == {"copies_found@1", "copies_found@10"}
    assert "Recall" not in whole.screen
    assert "Copies found@1" in whole.screen


def test_scores_have_intervals_over_the_originals(whole):
    uri = whole.uri("CopyEvaluator_udml", "evaluation")
    scores, intervals = (
        json.loads((uri / name).read_text())
        for name in ("scores.json", "intervals.json")
    )
    assert intervals.keys() == scores.keys()
    for name, (low, high) in intervals.items():
        assert 0 <= low <= scores[name] <= high <= 1
    # As those of images with labels are: below each score of the report.
    page = (whole.run_dir / "report.html").read_text()
    assert page.count("<small>") >= 4


def test_clusters_of_all_images_are_left_as_a_table(whole):
    with open(whole.run_dir / "clusters.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    # 40 images, ten to a cluster.
    assert {row["cluster"] for row in rows} == {"0", "1", "2", "3"}
    assert f"Clusters: {whole.run_dir / 'clusters.csv'}" in whole.screen


def test_report_shows_the_clusters_of_each_round(whole):
    page = (whole.run_dir / "report.html").read_text()
    for title in ("Round 1", "Round 2", "All images, by the finished model"):
        assert f"<summary>{title}</summary>" in page
    assert '"noun":"cluster"' in page
    assert "right class" not in page.split("<script>")[0]


def test_pushed_model_searches(whole, root):
    import tensorflow as tf

    query = root / "images" / "class_3" / "5.png"
    model = tf.saved_model.load(str(whole.serving_dir / "squares" / "1"))
    found = model.signatures["search"](
        image_bytes=tf.constant([query.read_bytes()])
    )
    assert found["ids"].shape == (1, 10)
    assert found["ids"][0, 0].numpy() == b"class_3/5.png"


@pytest.mark.slow
def test_another_round_takes_over_the_earlier_ones(longer):
    assert longer.steps(cached=True) == ROUNDS | {"CopyEvaluator_as_is"}
    assert longer.steps(cached=False) >= THIRD_ROUND


@pytest.mark.slow
def test_new_model_is_measured_against_the_last_blessed_one(whole, longer):
    blessed = whole.outcomes["Trainer_udml_2"].outputs["model"][0].id
    blessing = longer.outcomes["CopyEvaluator_udml"].outputs["blessing"][0]
    assert blessing.get_int_custom_property("baseline_model_id") == blessed


@pytest.mark.slow
def test_same_run_takes_over_everything(again):
    assert again.steps(cached=True) == ROUNDS | THIRD_ROUND | REST


def test_labels_and_no_labels_do_not_share_a_name(whole, root, config):
    from pipelines.runners.local.workspace import claim

    labelled = dataclasses.replace(config.ingest, labelled=True)
    with pytest.raises(ValueError, match="without labels.*--name"):
        claim(whole.run_dir, dataclasses.replace(config, ingest=labelled))


def test_embeddings_of_the_evaluation_are_those_of_all_images(whole):
    uri = whole.uri("CopyEvaluator_udml", "evaluation")
    saved = np.load(uri / "embeddings.npz")
    assert saved["embeddings"].shape == (40, 8)
