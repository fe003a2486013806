"""The configs of the papers, run and compiled on tiny sets of the same layout.

Random weights and a few images: that everything runs is what is shown.
"""

import dataclasses
import json
import pathlib
import runpy

import pytest

from pipelines.configs import load_config

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

ARCHIVES = runpy.run_path(
    str(
        pathlib.Path(__file__).parents[2]
        / "data"
        / "datasets"
        / "write_archives.py"
    )
)
WRITERS = {"cub": "write_cub", "cars196": "write_cars", "sop": "write_products"}
NAMES = [f"{name}_{method}" for name in WRITERS for method in ("dvml", "udml")]


def made_tiny(config):
    """Leaves the graph and the data set; nothing that takes long."""
    return dataclasses.replace(
        config,
        ingest=dataclasses.replace(
            config.ingest,
            dataset=config.ingest.dataset.replace("/whole", "/part"),
        ),
        train=dataclasses.replace(
            config.train,
            backbone="MobileNet",
            image_size=32,
            embedding_dim=16,
            num_samples=2,
            epochs=2,
            steps_per_epoch=2,
            classes_per_batch=4,
            images_per_class=2,
            rotation_batch=2,
            release_decoder_at=1,
            evaluate_every=0,
        ),
        rounds=dataclasses.replace(
            config.rounds, num_rounds=2, epochs_per_round=1, num_clusters=4
        ),
        # Whatever so little training leads to.
        evaluation=dataclasses.replace(
            config.evaluation, ks=(1, 2), tolerance=1.0
        ),
    )


def test_birds_come_from_their_archive_to_a_report(tmp_path, run_locally):
    # 240 photographs of 12 classes, as many pixels as it takes to be quick.
    (tmp_path / "archives").mkdir()
    ARCHIVES["write_cub"](
        tmp_path / "archives", ARCHIVES["draw_classes"](12, 20, size=48)
    )
    config = made_tiny(load_config("cub_dvml", str(tmp_path / "archives")))
    finished = run_locally(config, tmp_path)
    scores = json.loads(
        (finished.uri("Reporter", "report") / "scores.json").read_text()
    )
    assert list(scores) == ["as_is", "plain", "dvml"]
    assert all(0 <= row["recall@1"] <= 1 for row in scores.values())
    assert finished.versions("cub_dvml") == {"1"}
    assert (finished.run_dir / "report.html").is_file()
    quarantine = finished.uri("ImageExampleGen", "quarantine")
    sizes = json.loads((quarantine / "class_sizes.json").read_text())
    assert [len(sizes[split]) for split in ("train", "test")] == [6, 6]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "cub_dvml"])
def test_every_reproduction_runs(name, tmp_path, run_locally):
    (tmp_path / "archives").mkdir()
    write = ARCHIVES[WRITERS[name.partition("_")[0]]]
    write(tmp_path / "archives", ARCHIVES["draw_classes"](8, 25, size=40))
    config = made_tiny(load_config(name, str(tmp_path / "archives")))
    finished = run_locally(config, tmp_path)
    assert finished.versions(name) == {"1"}
