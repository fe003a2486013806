import pathlib
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def benchmark():
    # Its parts import each other as scripts in one folder do.
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import accuracy_glyphs
    finally:
        sys.path.pop(0)
    return accuracy_glyphs


@pytest.fixture(scope="module")
def settings(benchmark):
    return benchmark.Settings(
        pretraining_steps=1,
        steps=2,
        steps_per_round=1,
        widths=(4, 8),
        # 60 images in 20 clusters: a batch holds 16.
        num_classes=12,
        images_per_class=5,
    )


def test_a_run_starts_from_the_pretrained_backbone_and_leaves_its_scores(
    benchmark, settings, tmp_path
):
    rows = [
        "pretrained, as it was",
        "UDML-SS",
        "rotation only",
        "no divergence",
    ]
    runs = [("adapted", row, 0) for row in rows]
    for run in runs:
        benchmark.run(*run[:2], settings, 0, tmp_path)
        scores = benchmark.read_scores(*run, settings, tmp_path)
        assert 0 <= scores["map@r"] <= scores["recall@1"] <= 1
        assert scores.keys() >= benchmark.SCORES.keys()
    # Nothing is left to do.
    benchmark.do_missing(runs, settings, tmp_path, jobs=1)


def test_results_of_other_settings_are_refused(benchmark, settings, tmp_path):
    benchmark.run("from scratch", "raw pixels", settings, 0, tmp_path)
    run = "from scratch", "raw pixels", 0
    with pytest.raises(SystemExit, match="pass another --results-dir"):
        benchmark.read_scores(*run, benchmark.Settings(), tmp_path)


def test_validation_takes_no_class_of_the_test_split(benchmark):
    from glyph_runs import load_split

    settings = benchmark.Settings(
        num_classes=8, images_per_class=1, validation=True
    )
    _, trained_on = load_split("train", settings)
    _, scored_on = load_split("test", settings)
    # Classes of the train split are 100..199.
    assert trained_on.tolist() == list(range(100, 106))
    assert scored_on.tolist() == [106, 107]


def test_table_and_picture_show_means_intervals_and_differences(
    benchmark, tmp_path
):
    both = np.zeros((2, len(benchmark.SCORES)))
    both[:, 0] = [50, 52]
    results = {
        ("adapted", "UDML without rotation"): both,
        ("adapted", "UDML-SS"): both + [[3.0], [5.0]],
    }
    *_, without, with_rotation = benchmark.table(results, "adapted")
    # 12.706 is Student's t for 0.975 at 1 degree of freedom; the standard
    # error of two values that are 2 apart is sqrt(2) / sqrt(2) = 1.
    assert "| UDML without rotation | 51.0 ± 12.7 |" in without
    assert "| UDML without rotation | +4.0 ± 12.7 |" in with_rotation
    assert "| UDML-SS | 55.0 ± 25.4 |" in with_rotation
    benchmark.draw(results, tmp_path / "scores.png")
    assert (tmp_path / "scores.png").stat().st_size
