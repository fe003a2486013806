import importlib.util
import pathlib

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def benchmark():
    path = ROOT / "benchmarks" / "accuracy_udml.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    for row in ("pretrained, as it was", "UDML-SS"):
        benchmark.run("adapted", row, settings, 0, tmp_path)
        scores = benchmark.read_scores("adapted", row, 0, settings, tmp_path)
        assert 0 <= scores["map@r"] <= scores["recall@1"] <= 1


def test_results_of_other_settings_are_refused(benchmark, settings, tmp_path):
    benchmark.run("from scratch", "raw pixels", settings, 0, tmp_path)
    run = "from scratch", "raw pixels", 0
    with pytest.raises(SystemExit, match="pass another --results-dir"):
        benchmark.read_scores(*run, benchmark.Settings(), tmp_path)


def test_validation_takes_no_class_of_the_test_split(benchmark):
    settings = benchmark.Settings(
        num_classes=8, images_per_class=1, validation=True
    )
    _, trained_on = benchmark.load_split("train", settings)
    _, scored_on = benchmark.load_split("test", settings)
    # Classes of the train split are 100..199.
    assert trained_on.tolist() == list(range(100, 106))
    assert scored_on.tolist() == [106, 107]


def test_tables_and_picture_show_means_intervals_and_differences(
    benchmark, tmp_path
):
    results = {
        ("adapted", "UDML without rotation"): np.array([[50, 10], [52, 10.0]]),
        ("adapted", "UDML-SS"): np.array([[53, 12], [55, 14.0]]),
    }
    lines = list(benchmark.tables(results))
    # 12.706 is Student's t for 0.975 at 1 degree of freedom; the standard
    # error of two values that are 2 apart is sqrt(2) / sqrt(2) = 1.
    assert "| UDML-SS | 54.0 ± 12.7 | 13.0 ± 12.7 |" in lines
    assert "| UDML without rotation | +3.0 ± 0.0 | +3.0 ± 12.7 |" in lines
    benchmark.draw(results, tmp_path / "scores.png")
    assert (tmp_path / "scores.png").stat().st_size
