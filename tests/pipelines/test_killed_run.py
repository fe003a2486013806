"""A run that is killed in any of its steps goes on where it was, to the end.

Runs are processes of their own, forked from one that has everything imported,
and end by SIGKILL at a random moment of a step. Those of the long test train
one method without labels, for one round: its graph has almost every component
that there is for images with labels, each as few times as may be. The others
are killed in the steps that it lacks.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

# Always run anew: it looks up what other runs have left.
NEVER_REUSED = "LastBlessedModel"
LINE = re.compile(r"^\[ *(\d+)/(\d+)\] (\S+) +(reused|([\d.]+) s)")

SMALL = (
    *("train.backbone=conv", "train.weights=", "train.widths=4,8"),
    *("train.image_size=16", "train.embedding_dim=8"),
    *("train.steps_per_epoch=3", "rounds.num_rounds=1"),
    *("rounds.epochs_per_round=2", "rounds.num_clusters=3"),
)
CLUSTERED = ("folder_dvml", "methods=udml", "candidate=udml")
TUNED = (
    *("folder_dvml", "methods=dvml", "candidate=dvml", "train.epochs=2"),
    *("tune.trials=2", "tune.epochs=1", "ingest.test_fraction=0.3"),
)
UNLABELLED = ("folder_udml", "methods=udml")

FORKING = """
import os, sys
import pipelines.graph.pipeline, pipelines.runners.local.step_runner
from pipelines.local_runner import main
for line in sys.stdin:
    screen, *arguments = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if not child:
        os.dup2(os.open(screen, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        os._exit(main(arguments))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Runs:
    """Starts runs below a folder, and kills them.

    Attributes:
        root: the folder.
    """

    def __init__(self, root, images, server, config, *settings):
        self.root, self._images, self._server = root, images, server
        self._config, self._settings = config, settings
        root.mkdir()
        self._screen = root.parent / f"{root.name}.txt"

    def start(self):
        """Starts a run and returns the id of its process."""
        self._screen.write_text("")
        arguments = [
            *("--config", self._config, "--images", str(self._images)),
            *("--workspace", str(self.root / "runs")),
            *("--saved-models", str(self.root / "saved_models")),
            *(f"--set={setting}" for setting in (*SMALL, *self._settings)),
        ]
        line = "\t".join([str(self._screen), *arguments])
        self._server.stdin.write(line + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def wait(self):
        """Returns the exit status of the run, negative after a signal."""
        return int(self._server.stdout.readline())

    def steps(self):
        """Lists the steps on the screen: number, name, seconds or None."""
        found = map(LINE.match, self._screen.read_text().splitlines())
        return [
            (int(one[1]), one[3], one[5] and float(one[5]))
            for one in found
            if one
        ]

    def run_to_the_end(self):
        self.start()
        assert self.wait() == 0, self._screen.read_text()
        return self.steps()

    def kill_in(self, number, delay):
        """Kills a run some seconds after a step has begun.

        Returns whether it was killed in that step, and not after it.
        """
        process = self.start()
        while len(self.steps()) < number - 1:
            assert _is_running(process), self._screen.read_text()
            time.sleep(0.01)
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        return self.wait() == -signal.SIGKILL and (
            len(self.steps()) == number - 1
        )

    def results(self):
        """Returns the scores in the report, and what the model embeds to."""
        # Without labels a run has a name of its own.
        (artifacts,) = self.root.glob("runs/squares*/artifacts")
        (scores,) = artifacts.glob("Reporter/report/*/scores.json")
        (embeddings,) = artifacts.glob(
            "*Evaluator_*/evaluation/*/embeddings.npz"
        )
        return json.loads(scores.read_text()), dict(np.load(embeddings))


def _is_running(process):
    # The server waits for its children: one that has ended is gone.
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def runs_below(tmp_path_factory, write_images):
    images = tmp_path_factory.mktemp("killed") / "squares"
    write_images(images, num_classes=8, images_per_class=6)
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", FORKING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    yield lambda root, run: Runs(root, images, server, *run)
    server.stdin.close()
    server.wait()
    server.stdout.close()


def finished(steps):
    return {name for _, name, _ in steps} - {NEVER_REUSED}


def assert_same(results, expected):
    (scores, found), (expected_scores, expected_found) = results, expected
    for method, row in scores.items():
        assert row == pytest.approx(expected_scores[method], abs=1e-6)
    np.testing.assert_array_equal(found["ids"], expected_found["ids"])
    np.testing.assert_allclose(
        found["embeddings"], expected_found["embeddings"], atol=1e-5
    )


def ran(steps):
    return {name for _, name, seconds in steps if seconds is not None}


@pytest.mark.timeout(3600)
def test_run_killed_in_each_step_ends_with_the_same_scores(
    runs_below, tmp_path
):
    undisturbed = runs_below(tmp_path / "undisturbed", CLUSTERED)
    steps = undisturbed.run_to_the_end()
    expected = undisturbed.results()
    runs = runs_below(tmp_path / "killed", CLUSTERED)
    draw = random.Random(0)
    before = tmp_path / "before"

    def kill_in(number, limit):
        """Kills at a random moment of a step; anew where that is too late."""
        shutil.rmtree(before, ignore_errors=True)
        shutil.copytree(runs.root, before)
        while not runs.kill_in(number, draw.uniform(0, limit)):
            shutil.rmtree(runs.root)
            shutil.copytree(before, runs.root)
            limit /= 2

    # Each run is killed one step later than the one before.
    done = set()
    for number, _, limit in steps:
        kill_in(number, limit)
        assert not done & ran(runs.steps())
        done = finished(runs.steps())
    assert not done & ran(runs.run_to_the_end())
    assert not list(runs.root.rglob(".incomplete-*"))
    assert_same(runs.results(), expected)
    version = max((runs.root / "saved_models" / "squares").glob("[0-9]*"))
    assert (version / "saved_model.pb").is_file()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("run", "killed"),
    [
        (TUNED, ("Tuner", "Trainer_dvml")),
        (UNLABELLED, ("CopyEvaluator_udml",)),
    ],
)
def test_run_killed_in_other_steps_ends_with_the_same_scores(
    run, killed, runs_below, tmp_path
):
    undisturbed = runs_below(tmp_path / "undisturbed", run)
    steps = undisturbed.run_to_the_end()
    runs = runs_below(tmp_path / "killed", run)
    draw = random.Random(0)
    done = set()
    for number, name, limit in steps:
        if name in killed:
            # Early: the undisturbed run may have been slower by far.
            assert runs.kill_in(number, draw.uniform(0, limit / 6)), name
            assert not done & ran(runs.steps())
            done = finished(runs.steps())
    assert not done & ran(runs.run_to_the_end())
    assert_same(runs.results(), undisturbed.results())
