import dataclasses
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.fixture
def bench():
    import bench

    return bench


@pytest.fixture
def scripted(bench, tmp_path):
    """Makes a benchmark of some lines of Python."""

    @dataclasses.dataclass(frozen=True)
    class Scripted(bench.Benchmark):
        code: str = ""

        def command(self, quick, folder):
            return [sys.executable, "-c", self.code]

    return lambda name, code: Scripted(name, code=code)


def test_what_is_done_is_not_repeated(bench, scripted, tmp_path, capfd):
    runs = tmp_path / "runs.txt"
    benchmark = scripted(
        "fake",
        "import pathlib, sys; print('a table'); "
        f"open({str(runs)!r}, 'a').write('x'); "
        "pathlib.Path(sys.argv[2]).touch()",
    )
    assert bench.run(benchmark, False, tmp_path)
    assert bench.run(benchmark, False, tmp_path)
    assert runs.read_text() == "x"
    assert (tmp_path / "fake.log").read_text() == "a table\n"
    first, second = capfd.readouterr().out.splitlines()
    assert first.split() == ["fake", first.split()[1], "s"]
    assert second.split()[:4] == ["fake", "done", "before,", "on"]


def test_a_failure_is_told_with_the_file_that_says_why(
    bench, scripted, tmp_path, capfd
):
    failing = scripted("fake", "raise SystemExit('no such package')")
    assert not bench.run(failing, False, tmp_path)
    assert (tmp_path / "fake.log").read_text() == "no such package\n"
    assert "failed after" in capfd.readouterr().out
    # The next run tries again.
    assert not (tmp_path / "fake.json").exists()


def test_a_second_run_at_once_is_refused(bench, tmp_path, monkeypatch):
    import fcntl

    monkeypatch.setattr(sys, "argv", ["bench.py", "--folder", str(tmp_path)])
    with open(tmp_path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SystemExit, match="another run"):
            bench.main()


def test_every_benchmark_has_a_script_and_a_name_of_its_own(bench):
    names = [one.name for one in bench.BENCHMARKS]
    assert len(set(names)) == len(names)
    for one in bench.BENCHMARKS:
        assert (ROOT / "benchmarks" / f"{one.script}.py").is_file()
    # A trial leaves no script out.
    tried = {one.script for one in bench.chosen_benchmarks([], quick=True)}
    assert tried == {one.script for one in bench.BENCHMARKS}


def test_only_takes_all_commands_of_a_script(bench):
    chosen = bench.chosen_benchmarks(["losses"], quick=False)
    assert [one.script for one in chosen] == ["losses"] * 2


def test_only_what_runs_on_keras_2_alone_runs_there_alone(bench):
    named = {one.name: one for one in bench.BENCHMARKS}
    assert {
        name for name, one in named.items() if one.venv == bench.KERAS_2
    } == {"losses-beside-addons"}
    pythons = [".venv/bin/python", ".venv-keras2/bin/python"]
    assert named["training_step"].command(False, ROOT)[-2:] == pythons


def test_results_are_the_table_and_each_benchmark_below_its_command(
    bench, tmp_path, capsys
):
    import figures

    record = figures.Record(tmp_path / "training_step.json")
    record.header("backbone", "ms")
    record.figure(
        *("step", "CNN", 3.0),
        **{"unit": "ms", "against": "floor", "floor": 2.0},
        environment="TF 2.15.1",
    )
    record.save()
    bench.write_results(False, tmp_path)
    row = "| training_step | TF 2.15.1 | step | CNN | 3 ms |  | 2 ms |"
    missing = "Not measured: losses-beside-torch, "
    for text in (
        (tmp_path / "summary.md").read_text(),
        capsys.readouterr().out,
    ):
        assert row in text
        assert missing in text
    assert (tmp_path / "training_step.md").read_text() == (
        "    .venv/bin/python benchmarks/training_step.py --pythons "
        ".venv/bin/python .venv-keras2/bin/python\n\n"
        "| environment | backbone | ms |\n|---|---|---|\n"
    )
