"""One run at a time in a folder, and no rubbish of runs that were killed."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from keras_dvml import whole_files
from pipelines.configs import PipelineConfig
from pipelines.runners.progress import Progress

_SOURCE = "source.txt"


@contextlib.contextmanager
def only_run_in(run_dir: pathlib.Path, progress: Progress) -> Iterator[None]:
    """Waits until no other run works in a folder, and keeps others out.

    The system lets go of the lock when a process ends, however it ends.

    Args:
        run_dir: an existing folder.
        progress: reports a wait.
    """
    with open(run_dir / "run.lock", "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            progress.write(
                f"Another run (process {owner}) is working in {run_dir}. "
                "Waiting for its end; Ctrl-C gives up."
            )
            with progress.step("waiting for the other run"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def claim(run_dir: pathlib.Path, config: PipelineConfig) -> None:
    """Notes whose a folder is, so that no other source's run takes it.

    Args:
        run_dir: of the run, which nobody else works in.
        config: the run.

    Raises:
        ValueError: where another source's run has the folder.
    """
    source = refuse_other_source(run_dir, config)
    (run_dir / _SOURCE).write_text(source, "utf-8", "surrogateescape")


def refuse_other_source(run_dir: pathlib.Path, config: PipelineConfig) -> str:
    """Refuses to mix two sources under one name and one served model.

    Args:
        run_dir: of the run.
        config: the run.

    Returns:
        The run's source, in words.

    Raises:
        ValueError: where another source's run has the folder.
    """
    source = config.ingest.source
    if not config.ingest.labelled:
        source += " without labels"
    noted = run_dir / _SOURCE
    # A disk that was full left it empty.
    owner = (
        noted.exists() and noted.read_text("utf-8", "surrogateescape")
    ) or source
    if owner != source:
        raise ValueError(
            f"{run_dir} and the model {config.name!r} belong to the images of "
            f"{owner}, not of {source}. Choose another name with --name."
        )
    return source


@contextlib.contextmanager
def own_temporary_folder(run_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a run, and all processes that it starts, a temporary folder.

    What libraries leave in there goes as the run ends; what a killed run has
    left, as the next one begins.

    Args:
        run_dir: of the run, which nobody else works in.

    Yields:
        The folder, empty, in the system's temporary folder.
    """
    # Outside of `run_dir`, whose path may be too long for a socket's.
    name = f"{os.getuid()} {run_dir.resolve()}".encode(errors="surrogateescape")
    folder = pathlib.Path(
        tempfile.gettempdir(),
        f"keras_dvml-{hashlib.sha256(name).hexdigest()[:16]}",
    )
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        variable, tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable
        shutil.rmtree(folder, ignore_errors=True)


def sweep(*folders: pathlib.Path) -> None:
    """Deletes what killed runs left half-written, at any depth.

    Args:
        *folders: that nobody else is writing to; they need not exist.
    """
    for folder in folders:
        for path in list(folder.rglob(f"{whole_files.PREFIX}*")):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
