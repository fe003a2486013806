"""A disk that fills up in the middle of a step: told, and gone on from.

One process runs all, in a mount name space of its own, so that its disk is
nobody else's and goes with it.
"""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.pipeline

#: The steps in which the disk fills up, in this order, and the bytes left: for
#: the records, and not for what a step makes; or not even for them.
FILLED = (
    ("ImageExampleGen", 2**16),
    ("Trainer_dvml", 2**16),
    ("Trainer_dvml", 2**12),
    ("Indexer", 2**16),
    ("Pusher", 2**16),
)
MOUNT = "mount -t tmpfs -o size=64m tmpfs {disk}"

RUNS = """
import contextlib, io, json, os, pathlib, sys
from pipelines.runners import progress as shown
from pipelines.local_runner import main

disk, filled, arguments = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
filler = pathlib.Path(disk, "filler")
step_of = shown.Progress.step
to_fill = left = None

@contextlib.contextmanager
def step(self, name):
    if name == to_fill:
        free = os.statvfs(disk)
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize - left))
    with step_of(self, name):
        yield

shown.Progress.step = step
for to_fill, left in filled:
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        status = main(arguments)
    incomplete = [str(p) for p in pathlib.Path(disk).rglob(".incomplete-*")]
    filler.unlink(missing_ok=True)
    print(json.dumps([status, screen.getvalue(), incomplete]), flush=True)
"""


def run_on_full_disks(filled, root, write_images):
    """Returns exit status, screen and remains of each run."""
    images, disk = root / "squares", root / "disk"
    write_images(images, num_classes=4, images_per_class=30)
    disk.mkdir()
    settings = [
        *("train.backbone=conv", "train.weights=", "train.widths=4,8"),
        *("train.image_size=16", "train.epochs=1"),
        *("train.embedding_dim=8", "train.steps_per_epoch=3"),
        *("train.num_samples=2", "train.evaluate_every=0"),
        "methods=dvml",
    ]
    arguments = [
        *("--config", "folder_dvml", "--images", images),
        *("--workspace", disk / "runs"),
        *("--saved-models", disk / "saved_models"),
        *(word for setting in settings for word in ("--set", setting)),
    ]
    command = [sys.executable, "-W", "ignore", "-c", RUNS, disk]
    command += [json.dumps(filled), *arguments]
    finished = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--mount", "sh", "-c"),
            f'{MOUNT.format(disk=disk)} && exec "$@"',
            *("sh", *map(str, command)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=500,
    )
    if "unshare" in finished.stderr or "mount:" in finished.stderr:
        pytest.skip(f"no disk of its own: {finished.stderr.strip()}")
    assert finished.returncode == 0, finished.stderr[-3000:]
    return [json.loads(line) for line in finished.stdout.splitlines()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, write_images):
    """A run for each full disk, and the last on a disk with room."""
    root = tmp_path_factory.mktemp("full_disk")
    return run_on_full_disks([*FILLED, (None, 0)], root, write_images)


def assert_told_and_cleaned(run, step):
    status, screen, incomplete = run
    assert status == 1
    last = screen.strip().splitlines()[-1]
    assert last.startswith(f"FAILED in {step}: No space left on the disk")
    assert "Make room and start the same command again" in last
    assert "Traceback" not in screen
    assert incomplete == []


@pytest.mark.slow
def test_full_disk_is_told_in_a_sentence(tmp_path, write_images):
    (run,) = run_on_full_disks(FILLED[:1], tmp_path, write_images)
    assert_told_and_cleaned(run, "ImageExampleGen")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, len(FILLED)))
def test_disk_that_is_full_later_is_told_too(runs, number):
    step, _ = FILLED[number]
    assert_told_and_cleaned(runs[number], step)


@pytest.mark.slow
def test_next_run_goes_on_from_the_step_that_failed(runs):
    status, screen, _ = runs[-1]
    assert status == 0, screen
    times = {
        line.split("] ")[1].split()[0]: line.split("] ")[1].split()[1]
        for line in screen.splitlines()
        if line.startswith("[")
    }
    for step in ("ImageExampleGen", "Trainer_dvml", "Indexer"):
        assert times[step] == "reused"
    assert times["Pusher"] != "reused"
    assert "saved_models/squares/1" in screen
