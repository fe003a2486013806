"""Every benchmark of speed, one after the other, and one table of them.

    make bench
    make bench ARGS="--only losses search"
    make bench ARGS="--quick"

Cost: some 35 minutes on 2 CPU cores and 8 GB of memory; `--quick` a few
minutes: it shows that all of it runs, and its figures say nothing. Nothing
else should run beside it.

What stands beside TensorFlow Addons and TensorFlow Similarity runs in
`.venv-keras2`, the training step in both that and `.venv`, the searches in
`.venv-peers`, all else in `.venv`. A row says the environment of ours.

A benchmark that came to its end is not repeated: a second run resumes from
what is done, or with `--again` begins anew. In `runs/bench` it leaves the
tables of each benchmark below its command, in `summary.md` one table and what
was missed, and in `beside_peers.md` a short one; `results.py` puts all of it
into RESULTS.md. The one table has a row a claim, with the case in which it
came out worst:

- ours / peer / floor: time or memory of ours, of another package that does
  the same, and of what cannot be avoided, such as a bare product.
- ratio: ours over the peer or the floor, whichever the claim is about.
- bar: the most that was aimed at; met: in how many of the cases.
"""

import argparse
import dataclasses
import fcntl
import os
import pathlib
import shlex
import subprocess
import sys
import time

import figures
import summary

ROOT = pathlib.Path(__file__).resolve().parent.parent
#: Stands in a command for the folder of the run.
FOLDER = "{folder}"
DEFAULT, KERAS_2, PEERS = ".venv", ".venv-keras2", ".venv-peers"
TORCH = ("--torch-python", f"{PEERS}/bin/python")
# Those that TensorFlow Addons or TensorFlow Similarity have.
ADDONS = (
    *("--losses", "triplet_semi_hard", "triplet_hard", "n_pair"),
    *("lifted_structure", "multi_similarity", "circle"),
)
BOTH_KERAS = ("--pythons", f"{DEFAULT}/bin/python", f"{KERAS_2}/bin/python")


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A command of one of the scripts here.

    Args:
        script: str. Its name, without `.py`.
        label: str. Tells it from other commands of the script.
        arguments: tuple of str.
        quick: tuple of str. The arguments of a trial; without any, a trial
            leaves the command out.
        venv: str. The environment it runs in.
    """

    script: str
    label: str = ""
    arguments: tuple = ()
    quick: tuple = ()
    venv: str = DEFAULT

    @property
    def name(self):
        """Of its files."""
        return "-".join([self.script, *self.label.split()]).replace(",", "")

    def command(self, quick, folder):
        """Returns the command line, to be run in the project's folder."""
        arguments = [
            part.replace(FOLDER, os.path.relpath(folder, ROOT))
            for part in (self.quick if quick else self.arguments)
        ]
        python = f"{self.venv}/bin/python"
        return [python, f"benchmarks/{self.script}.py", *arguments]


def searches(size, threads):
    """Returns the comparison of indexes at a size, all built before."""
    return Benchmark(
        "search",
        f"{size} vectors, threads {threads}",
        (
            *("--size", str(size), "--threads", str(threads)),
            *("--folder", f"{FOLDER}/indexes"),
        ),
        venv=PEERS,
    )


BENCHMARKS = (
    Benchmark(
        *("losses", "beside torch", TORCH),
        (
            *("--losses", "n_pair", "circle", "--sizes", "80x128", "512x128"),
            *("--seconds", "0.2", *TORCH),
        ),
    ),
    Benchmark(
        *("losses", "beside addons", ADDONS),
        (
            *("--losses", "n_pair", "circle", "--sizes", "80x128", "512x128"),
            *("--seconds", "0.2"),
        ),
        venv=KERAS_2,
    ),
    Benchmark(
        *("training_step", "", BOTH_KERAS),
        quick=("--turns", "1", *BOTH_KERAS),
    ),
    Benchmark(
        "clustering",
        quick=(
            *("--sizes", "10000x128x100", "--rounds", "2"),
            *("--memory", "10000x128x500"),
        ),
    ),
    Benchmark("ingestion", quick=("--sizes", "300", "600", "--rounds", "1")),
    Benchmark(
        "evaluation",
        "",
        ("--rounds", "3", *TORCH),
        ("--rounds", "1", *TORCH, "--sizes", "5924x512x100"),
    ),
    Benchmark(
        "search",
        "build",
        ("--build", "--folder", f"{FOLDER}/indexes"),
        ("--build", "--size", "5000", "--folder", f"{FOLDER}/indexes"),
        venv=PEERS,
    ),
    dataclasses.replace(
        searches(60502, 1),
        quick=("--size", "5000", "--folder", f"{FOLDER}/indexes"),
    ),
    searches(500000, 2),
    Benchmark("serving", quick=("--seconds", "0.3")),
)


def run(benchmark, quick, folder):
    """Runs a benchmark unless it is done; returns whether it came to its end.

    Args:
        benchmark: `Benchmark`.
        quick: bool.
        folder: `pathlib.Path`. For its record and what it prints.
    """
    path = folder / f"{benchmark.name}.json"
    command = benchmark.command(quick, folder)
    named = f"{benchmark.name:36}"
    if path.exists():
        day = time.strftime("%Y-%m-%d", time.localtime(path.stat().st_mtime))
        print(f"{named} done before, on {day}", flush=True)
        return True
    print(named, end=" ", flush=True)
    start = time.perf_counter()
    log_path = folder / f"{benchmark.name}.log"
    with open(log_path, "w") as log:
        process = subprocess.Popen(
            [*command, "--json", str(path.resolve())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        with process:
            while _is_running(process):
                if sys.stdout.isatty():
                    seconds = f"{time.perf_counter() - start:.0f} s"
                    print(f"\r{named} {seconds}", end="", flush=True)
    seconds = f"{time.perf_counter() - start:.0f} s"
    again = "\r" + named if sys.stdout.isatty() else ""
    if process.returncode == 0:
        print(f"{again} {seconds}".strip(" "), flush=True)
        return True
    print(f"{again} failed after {seconds}: see {log_path}", flush=True)
    return False


def _is_running(process):
    """Waits up to five seconds for the end."""
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return True
    return False


def chosen_benchmarks(names, quick):
    """Returns those of the scripts named, of all without names."""
    return [
        one
        for one in BENCHMARKS
        if (not names or one.script in names) and (one.quick or not quick)
    ]


def main():
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    scripts = list(dict.fromkeys(one.script for one in BENCHMARKS))
    parser.add_argument("--only", nargs="+", choices=scripts, default=[])
    parser.add_argument("--again", action="store_true", help="repeat the done")
    parser.add_argument("--quick", action="store_true", help="a trial")
    parser.add_argument("--folder", type=pathlib.Path)
    arguments = parser.parse_args()
    quick = arguments.quick
    default = pathlib.Path("runs/bench-quick" if quick else "runs/bench")
    folder = arguments.folder or ROOT / default
    folder.mkdir(parents=True, exist_ok=True)
    benchmarks = chosen_benchmarks(arguments.only, quick)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"{folder}: another run of the benchmarks is at work")
        if arguments.again:
            for one in benchmarks:
                (folder / f"{one.name}.json").unlink(missing_ok=True)
        complete = all([run(one, quick, folder) for one in benchmarks])
    write_results(quick, folder)
    return 0 if complete else 1


def write_results(quick, folder):
    """Prints the table of all that is done, and writes it and each one's."""
    records = {}
    missing = []
    for one in chosen_benchmarks([], quick):
        record = folder / f"{one.name}.json"
        if not record.exists():
            missing.append(one.name)
            continue
        records[one.name] = tables, _ = figures.load(record)
        page = folder / f"{one.name}.md"
        command = shlex.join(one.command(quick, folder))
        page.write_text(f"    {command}\n\n{tables.strip()}\n")
    parts = [summary.table(records)]
    if quick:
        parts.append("A trial: that all of it runs is all that this says.")
    else:
        parts.append(summary.missed(records))
    if missing:
        parts.append(f"Not measured: {', '.join(missing)}.")
    text = "\n\n".join(parts)
    print(f"\n{text}\n")
    if not missing:
        page = folder / "beside_peers.md"
        page.write_text(summary.beside_peers(records) + "\n")
    path = folder / "summary.md"
    path.write_text(f"{summary.machine()}\n\n{text}\n")
    print(path)


if __name__ == "__main__":
    sys.exit(main())
