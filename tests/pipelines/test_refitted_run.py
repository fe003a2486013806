"""A run whose published model is trained on all classes."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


@pytest.fixture(scope="module")
def config(tmp_path_factory, write_images, tiny_config):
    images = write_images(tmp_path_factory.mktemp("squares") / "eight", 8, 5)
    tiny = tiny_config(images)
    return dataclasses.replace(
        tiny,
        train=dataclasses.replace(tiny.train, refit_on_all=True),
        methods=("dvml",),
    )


@pytest.fixture(scope="module")
def refitted(config, tmp_path_factory, run_locally):
    return run_locally(config, tmp_path_factory.mktemp("refitted_run"))


@pytest.fixture(scope="module")
def later(refitted, config, run_locally):
    """Another model over the same workspace."""
    changed = dataclasses.replace(
        config,
        train=dataclasses.replace(config.train, seed=1),
        evaluation=dataclasses.replace(config.evaluation, tolerance=1.0),
    )
    return run_locally(changed, refitted.serving_dir.parent)


def classes(run, step):
    return json.loads((run.uri(step, "model") / "classes.json").read_text())


def test_measured_model_has_not_seen_what_the_published_one_has(refitted):
    everything = [f"class_{number}" for number in range(8)]
    assert classes(refitted, "Trainer_dvml") == everything[:4]
    assert classes(refitted, "Trainer_dvml_refit") == everything


def test_published_model_is_the_refitted_one(refitted):
    import tensorflow as tf

    image = tf.io.encode_png(np.full((16, 16, 3), 90, np.uint8))[None]
    published, measured, refit = (
        tf.saved_model.load(str(folder))
        .signatures["serving_default"](image_bytes=image)["embedding"]
        .numpy()
        for folder in (
            refitted.serving_dir / "squares" / "1",
            refitted.uri("Trainer_dvml", "model") / "Format-Serving",
            refitted.uri("Trainer_dvml_refit", "model") / "Format-Serving",
        )
    )
    np.testing.assert_allclose(published, refit, atol=1e-5)
    assert np.abs(published - measured).max() > 1e-3


def test_published_model_says_that_it_was_trained_on_all(refitted):
    folder = refitted.serving_dir / "squares"
    facts = json.loads(
        (folder / "1" / "assets.extra" / "index.json").read_text()
    )
    assert facts["remark"].startswith("It was trained on all images.")
    readme = " ".join((folder / "README.md").read_text().split())
    assert f"The newest version: {facts['remark']}" in readme
    assert facts["remark"] in (refitted.run_dir / "report.html").read_text()


def test_threshold_is_that_of_the_measured_model(refitted):
    import keras_dvml as kd

    uri = refitted.uri("RetrievalEvaluator_dvml", "evaluation")
    unseen = np.load(uri / "embeddings.npz")
    path = pathlib.Path(refitted.serving_dir, "squares", "1", "assets.extra")
    facts = json.loads((path / "index.json").read_text())
    # Of the gallery at least the unseen half is compared with.
    match = kd.evaluation.calibrate_match_threshold(
        unseen["embeddings"], unseen["labels"]
    )
    assert facts["match_threshold"] >= match.threshold - 1e-4
    assert 0 <= facts["true_match_rate"] <= 1


def test_next_run_compares_itself_with_the_measured_model(refitted, later):
    blessing = later.outcomes["RetrievalEvaluator_dvml"].outputs["blessing"][0]
    measured = refitted.outcomes["Trainer_dvml"].outputs["model"][0].id
    assert blessing.get_int_custom_property("baseline_model_id") == measured
