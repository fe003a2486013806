"""Runs the pipeline on this machine.

    python -m pipelines.local_runner --config glyphs_dvml
    python -m pipelines.local_runner --config folder_dvml --images FOLDER
    python -m pipelines.local_runner --config folder_udml --images FOLDER

    python -m pipelines.local_runner --config glyphs_dvml --set train.epochs=2
    python -m pipelines.local_runner --config glyphs_dvml --dry-run

Everything but saved models stays below the workspace: `<workspace>/<name>/`
holds artifacts, metadata, a log and the report. A second run takes over what
has not changed. Of two at once in one workspace, the second waits for the
first.
"""

import argparse
import contextlib
import functools
import json
import logging
import os
import pathlib
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from keras_dvml.publisher_lock import only_publisher_of
from pipelines.configs import PipelineConfig
from pipelines.graph.drawing import graph_lines
from pipelines.ingestion.listing import input_fingerprint
from pipelines.runners.beam_flags import beam_pipeline_args
from pipelines.runners.command_line import config_of, config_parser
from pipelines.runners.local.failures import explain
from pipelines.runners.local.results import show_results
from pipelines.runners.local.workspace import (
    only_run_in,
    own_temporary_folder,
    sweep,
)
from pipelines.runners.progress import Progress
from pipelines.runners.wildcards import refuse_wildcards
from pipelines.training.distributed.tf_config import read_chief

if TYPE_CHECKING:  # TFX takes 20 s to import; nobody waits for it in vain.
    from pipelines.runners.local.step_runner import StepOutcome

logger = logging.getLogger("pipelines.local_runner")


class Terminated(KeyboardInterrupt):
    """SIGTERM, as docker and Kubernetes send it; ends a run as Ctrl-C does."""


def main(argv: list[str] | None = None) -> int:
    """Runs what the command line asks for.

    Args:
        argv: arguments; the process's own when `None`.

    Returns:
        Exit status: 0 when the run came to its end; 130 after Ctrl-C and 143
        after SIGTERM.
    """
    args = _parse(argv)
    workspace, serving_dir = (
        pathlib.Path(path).resolve()
        for path in (args.workspace, args.saved_models)
    )
    with Progress() as progress:
        try:
            config = config_of(args)
            if args.dry_run:
                progress.write("\n".join(graph_lines(config)))
                return 0
            run(
                config,
                workspace=workspace,
                serving_dir=serving_dir,
                progress=progress,
                beam_flags=args.beam_pipeline_args,
            )
        except KeyboardInterrupt as interrupt:
            terminated = isinstance(interrupt, Terminated)
            progress.write(
                f"\n{'Terminated' if terminated else 'Interrupted'}. The same "
                "command goes on from here."
            )
            return 143 if terminated else 130
        except Exception as error:
            # People get the message; the traceback is in the run's log.
            if args.verbose:
                progress.write(traceback.format_exc())
            where = f" in {progress.last_step}" if progress.last_step else ""
            message = explain(error, workspace, serving_dir)
            progress.write(f"\nFAILED{where}: {message}")
            return 1
    return 0


def run(
    config: PipelineConfig,
    *,
    workspace: pathlib.Path,
    serving_dir: pathlib.Path,
    progress: Progress,
    beam_flags: str = "",
) -> "dict[str, StepOutcome]":
    """Runs the pipeline and says what came out.

    Args:
        config: the run.
        workspace: absolute path; the run's own folder is made in there.
        serving_dir: absolute path of `saved_models/`.
        progress: to report to.
        beam_flags: see `pipelines.runners.beam_flags`.

    Returns:
        Step id to its outcome.
    """
    beam_args = beam_pipeline_args(beam_flags)
    # Beam's processes and the chief of a training want room on the GPUs too.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # Before TFX is loaded, so that a wrong path is told at once.
    refuse_wildcards("--workspace", workspace)
    refuse_wildcards("--saved-models", serving_dir)
    refuse_wildcards("--name", config.name)
    if config.train.strategy == "multi_worker":
        read_chief()
    fingerprint = input_fingerprint(config.ingest)
    run_dir = workspace / config.name
    run_dir.mkdir(parents=True, exist_ok=True)
    with (
        only_run_in(run_dir, progress),
        own_temporary_folder(run_dir),
        _other_logs_in(run_dir / "run.log"),
    ):
        _claim(run_dir, config)
        sweep(run_dir)
        model_dir = serving_dir / config.name
        # An export, or a run in another workspace, may be publishing it.
        if serving_dir.exists():
            with only_publisher_of(model_dir):
                sweep(model_dir, pathlib.Path(f"{model_dir}-scann"))
        with progress.step("loading TensorFlow Extended"):
            from tfx.orchestration import metadata

            from pipelines.graph.pipeline import Places, create_pipeline
            from pipelines.runners.local.records import whole_records
            from pipelines.runners.local.step_runner import StepRunner
            from pipelines.runners.local.unfinished_steps import (
                delete_unfinished,
            )
            from pipelines.training.checkpoints import (
                CHECKPOINTS,
                forget_finished,
            )

        pipeline_root = run_dir / "artifacts"
        records_path = run_dir / "metadata.db"
        connection = metadata.sqlite_metadata_connection_config(
            str(records_path)
        )
        delete_unfinished(pipeline_root, connection)
        _forget_lost_pushes(pipeline_root)
        pipeline = create_pipeline(
            config,
            places=Places(
                pipeline_root=str(pipeline_root),
                serving_dir=str(serving_dir),
                data_dir=str(workspace / "datasets"),
            ),
            input_fingerprint=fingerprint,
            metadata_connection_config=connection,
            beam_pipeline_args=beam_args,
        )
        runner = StepRunner(
            progress,
            functools.partial(whole_records, records_path, pipeline_root),
        )
        runner.run(pipeline)
        forget_finished(pipeline_root / CHECKPOINTS)
        show_results(config, runner.outcomes, run_dir, progress)
    return runner.outcomes


def _terminate(*unused) -> None:
    raise Terminated


def _claim(run_dir: pathlib.Path, config: PipelineConfig) -> None:
    """Refuses to mix two sources under one name and one served model."""
    source = config.ingest.source
    if not config.ingest.labelled:
        source += " without labels"
    claim = run_dir / "source.txt"
    # A disk that was full left it empty.
    owner = (claim.read_text("utf-8") if claim.exists() else "") or source
    if owner != source:
        raise ValueError(
            f"{run_dir} and the model {config.name!r} belong to the images of "
            f"{owner}, not of {source}. Choose another name with --name."
        )
    claim.write_text(source, "utf-8", "surrogateescape")


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = config_parser(
        "python -m pipelines.local_runner",
        "Images in, a searchable SavedModel and a report out.",
    )
    parser.add_argument(
        "--workspace",
        default="runs",
        help="where the run keeps its files (default: %(default)s)",
    )
    parser.add_argument(
        "--saved-models",
        default="saved_models",
        metavar="DIR",
        help="where models are published (default: %(default)s)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show the graph of the run and its parameters, and run nothing",
    )
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="show the traceback of a failure",
    )
    return parser.parse_args(argv)


@contextlib.contextmanager
def _other_logs_in(path: pathlib.Path) -> Iterator[None]:
    """Keeps what libraries have to say off the screen, in a file."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    handler = _LogFile(path, mode="w", encoding="utf-8")
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname).1s %(name)s: %(message)s")
    )
    root = logging.getLogger()
    level = root.level
    # TensorFlow and absl leave a root logger alone that has handlers.
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        with _standard_error_in(handler.stream):
            yield
    except Exception:
        root.exception("The run failed.")
        logger.info("The details are in %s", path)
        raise
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@contextlib.contextmanager
def _standard_error_in(stream: IO[str]) -> Iterator[None]:
    """Sends what is written past Python's logging, as by C++, to a file."""
    screen = os.dup(2)
    os.dup2(stream.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(screen, 2)
        os.close(screen)


class _LogFile(logging.FileHandler):
    """A log that a full disk ends, without a word about each lost line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Passes over what cannot be written."""


def _forget_lost_pushes(pipeline_root: pathlib.Path) -> None:
    """Lets the Pusher run again where what it pushed has been deleted.

    TFX reuses a step's outputs as long as they exist; what was published
    lies elsewhere, so its absence must be made visible.
    """
    for push_file in pipeline_root.glob("Pusher/pushed_model/*/push.json"):
        push = json.loads(push_file.read_text())
        if not all(os.path.isdir(path) for path in push.values()):
            shutil.rmtree(push_file.parent)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
