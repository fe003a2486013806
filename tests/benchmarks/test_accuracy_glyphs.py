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


@pytest.mark.slow
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
    three = np.zeros((3, len(benchmark.SCORES)))
    three[:, 0] = [50, 51, 52]
    results = {
        ("adapted", "UDML without rotation"): three,
        ("adapted", "UDML-SS"): three + [[3.0], [4.0], [5.0]],
        # So far off that the picture points to it.
        ("adapted", "rotation only"): three - 20.0,
    }
    *_, without, with_rotation, _ = benchmark.table(results, "adapted")
    # 4.303 is Student's t for 0.975 at 2 degrees of freedom; the standard
    # error of three values that are 1 apart is 1 / sqrt(3).
    assert "| UDML without rotation | 51.0 ± 2.5 |" in without
    assert "| UDML without rotation | +4.0 ± 2.5 |" in with_rotation
    assert "| UDML-SS | 55.0 ± 5.0 |" in with_rotation
    two = {row: values[:2] for row, values in results.items()}
    assert "| UDML-SS | 54.0 |" in "".join(benchmark.table(two, "adapted"))
    for name in ("scores.svg", "again.svg"):
        benchmark.draw(results, tmp_path / name)
    picture = (tmp_path / "scores.svg").read_text()
    assert "UDML-SS" in picture
    assert "-24.0 ±" in picture
    benchmark.draw(two, tmp_path / "two.svg")
    assert "-24.0 ±" not in (tmp_path / "two.svg").read_text()
    assert picture == (tmp_path / "again.svg").read_text()
