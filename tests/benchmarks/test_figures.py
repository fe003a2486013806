import doctest
import json

import pytest


@pytest.fixture
def figures():
    import figures

    return figures


def test_a_figure_is_held_against_its_bar_over_what_the_claim_names(figures):
    shared = {"claim": "c", "case": "one", "ours": 3.0, "unit": "s"}
    beside_peer = figures.Figure(**shared, against="peer", peer=4.0, bar=0.75)
    assert (beside_peer.value, beside_peer.met) == (0.75, True)
    beside_floor = figures.Figure(
        **shared, against="floor", peer=4.0, floor=2.0, bar=1.4
    )
    assert (beside_floor.value, beside_floor.met) == (1.5, False)
    alone = figures.Figure(**shared, against="limit", bar=2.0)
    assert (alone.value, alone.met) == (3.0, False)
    paired = figures.Figure(**shared, against="floor", floor=2.0, ratio=1.4)
    assert (paired.value, paired.met) == (1.4, None)


def test_record_prints_its_tables_and_keeps_them_with_the_figures(
    figures, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(figures, "environment", lambda: "TF 2.20.0")
    path = tmp_path / "record.json"
    record = figures.Record(path)
    record.header("loss", "ms")
    record.row("n_pair", "1.0")
    record.row("n_pair", "2.0", environment="TF 2.15.1")
    record.header("backbone", "ms")
    record.note("Nothing missed.")
    shared = {"unit": "ms", "against": "limit", "bar": 2.0}
    record.figure("fast", "n_pair", 1.0, **shared)
    record.figure("fast", "n_pair", 2.0, **shared, environment="TF 2.15.1")
    assert not path.exists()
    record.save()
    tables, (figure, other) = figures.load(path)
    assert capsys.readouterr().out == tables + "\n"
    assert tables.splitlines() == [
        *("| environment | loss | ms |", "|---|---|---|"),
        *("| TF 2.20.0 | n_pair | 1.0 |", "| TF 2.15.1 | n_pair | 2.0 |", ""),
        *("| environment | backbone | ms |", "|---|---|---|", ""),
        "Nothing missed.",
    ]
    assert figure.met
    assert (figure.environment, other.environment) == ("TF 2.20.0", "TF 2.15.1")
    assert [one.name for one in tmp_path.iterdir()] == ["record.json"]


def test_record_without_a_path_only_prints(figures, capsys):
    record = figures.Record()
    record.header("loss")
    record.save()
    assert capsys.readouterr().out == "| environment | loss |\n|---|---|\n"


def test_the_environment_is_named_by_what_is_installed_in_it(figures):
    import keras
    import tensorflow as tf

    expected = f"TF {tf.__version__}, Keras {keras.__version__}"
    assert figures.environment() == expected


# As small as it gets: what is tested is what they hand over.
SMALLEST = {
    "losses": ["--losses", "n_pair", "--sizes", "20x8", "--seconds", "0"],
    "evaluation": ["--sizes", "3000x8x100", "--rounds", "1"],
}
MINUTES = {
    "clustering": [
        *("--sizes", "400x8x4", "--rounds", "1", "--memory", "400x8x4"),
    ],
    "training_step": ["--turns", "1"],
    "ingestion": ["--sizes", "200", "300", "400"],
    "serving": ["--seconds", "0.05"],
}


@pytest.mark.slow
@pytest.mark.parametrize("script", SMALLEST)
def test_benchmark_hands_over_table_and_figures(script, tmp_path, run_python):
    arguments = SMALLEST[script]
    check_benchmark(script, arguments, tmp_path, run_python)


@pytest.mark.slow
@pytest.mark.pipeline
@pytest.mark.parametrize("script", MINUTES)
def test_long_benchmark_hands_over_table_and_figures(
    script, tmp_path, run_python
):
    check_benchmark(script, MINUTES[script], tmp_path, run_python)


def check_benchmark(script, arguments, folder, run_python):
    path = folder / "record.json"
    printed = run_python(
        "import runpy, sys; sys.argv = sys.argv[1:]; "
        "sys.path.insert(0, 'benchmarks'); "
        "runpy.run_path(sys.argv[0], run_name='__main__')",
        *(f"benchmarks/{script}.py", *arguments, "--json", path),
    )
    content = json.loads(path.read_text())
    assert content["table"] + "\n" == printed
    import figures

    for figure in figures.load(path)[1]:
        assert figure.ours > 0
        assert figure.value > 0


def test_example_of_the_docstring_runs(figures):
    result = doctest.testmod(figures)
    assert result.attempted and not result.failed
