"""Runs the pipeline on this machine.

    python -m pipelines.local_runner --config glyphs_dvml
    python -m pipelines.local_runner --config folder_dvml --images FOLDER
    python -m pipelines.local_runner --config folder_udml --images FOLDER

Everything but saved models stays below the workspace: `<workspace>/<name>/`
holds artifacts, metadata, a log and the report. A second run takes over what
has not changed.
"""

import argparse
import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import shutil
import sys
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.configs import (
    IngestConfig,
    PipelineConfig,
    config_names,
    load_config,
)
from pipelines.progress import Progress
from pipelines.results import show_results
from pipelines.sources.folder import (
    files_fingerprint,
    scan_folder,
    scan_unlabelled,
)

if TYPE_CHECKING:  # TFX takes 20 s to import; nobody waits for it in vain.
    from pipelines.step_runner import StepOutcome

logger = logging.getLogger("pipelines.local_runner")

BEAM_PIPELINE_ARGS = (
    # Beam's default would fetch another engine from the network.
    "--runner=FnApiRunner",
)


def main(argv: list[str] | None = None) -> int:
    """Runs what the command line asks for.

    Args:
        argv: arguments; the process's own when `None`.

    Returns:
        Exit status: 0 when the run came to its end.
    """
    args = _parse(argv)
    with Progress() as progress:
        try:
            run(
                _config(args),
                workspace=pathlib.Path(args.workspace).resolve(),
                serving_dir=pathlib.Path(args.saved_models).resolve(),
                progress=progress,
            )
        except KeyboardInterrupt:
            progress.write("\nInterrupted. The next run goes on from here.")
            return 130
        except Exception as error:
            # People get the message; the traceback is in the run's log.
            if args.verbose:
                progress.write(traceback.format_exc())
            where = f" in {progress.last_step}" if progress.last_step else ""
            progress.write(f"\nFAILED{where}: {error}")
            return 1
    return 0


def run(
    config: PipelineConfig,
    *,
    workspace: pathlib.Path,
    serving_dir: pathlib.Path,
    progress: Progress,
) -> "dict[str, StepOutcome]":
    """Runs the pipeline and says what came out.

    Args:
        config: the run.
        workspace: absolute path; the run's own folder is made in there.
        serving_dir: absolute path of `saved_models/`.
        progress: to report to.

    Returns:
        Step id to its outcome.
    """
    # Before TFX is loaded, so that a wrong path is told at once.
    input_fingerprint = _input_fingerprint(config.ingest)
    run_dir = workspace / config.name
    run_dir.mkdir(parents=True, exist_ok=True)
    _claim(run_dir, config)
    with _other_logs_in(run_dir / "run.log"):
        with progress.step("loading TensorFlow Extended"):
            from tfx.orchestration import metadata

            from pipelines.pipeline import create_pipeline
            from pipelines.step_runner import StepRunner

        pipeline_root = run_dir / "artifacts"
        _forget_lost_pushes(pipeline_root)
        connection = metadata.sqlite_metadata_connection_config(
            str(run_dir / "metadata.db")
        )
        pipeline = create_pipeline(
            config,
            pipeline_root=str(pipeline_root),
            serving_dir=str(serving_dir),
            data_dir=str(workspace / "datasets"),
            input_fingerprint=input_fingerprint,
            metadata_connection_config=connection,
            beam_pipeline_args=list(BEAM_PIPELINE_ARGS),
        )
        runner = StepRunner(progress)
        runner.run(pipeline)
        show_results(config, runner.outcomes, run_dir, progress)
    return runner.outcomes


def _input_fingerprint(ingest: IngestConfig) -> str:
    if not ingest.folder:
        return ""
    scan = scan_folder if ingest.labelled else scan_unlabelled
    return files_fingerprint(scan(ingest.folder))


def _claim(run_dir: pathlib.Path, config: PipelineConfig) -> None:
    """Refuses to mix two sources under one name and one served model."""
    source = config.ingest.folder or config.ingest.dataset
    if not config.ingest.labelled:
        source += " without labels"
    claim = run_dir / "source.txt"
    owner = claim.read_text("utf-8") if claim.exists() else source
    if owner != source:
        raise ValueError(
            f"{run_dir} and the model {config.name!r} belong to the images of "
            f"{owner}, not of {source}. Choose another name with --name."
        )
    claim.write_text(source, "utf-8", "surrogateescape")


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.local_runner",
        description="Images in, a searchable SavedModel and a report out.",
    )
    parser.add_argument(
        "--config",
        required=True,
        help=f"what to run: {', '.join(config_names())}",
    )
    parser.add_argument(
        "--images",
        metavar="FOLDER",
        help="images: one sub-folder a class for folder_dvml, in any order "
        "for folder_udml",
    )
    parser.add_argument(
        "--name",
        help="name of the model (default: the data set's or folder's)",
    )
    parser.add_argument(
        "--max-bad-fraction",
        type=float,
        metavar="SHARE",
        help="share of bad files, 0..1, that the run puts up with",
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
        "--verbose",
        action="store_true",
        help="show the traceback of a failure",
    )
    return parser.parse_args(argv)


def _config(args: argparse.Namespace) -> PipelineConfig:
    config = load_config(args.config, args.images)
    if args.name:
        config = dataclasses.replace(config, name=args.name)
    if args.max_bad_fraction is not None:
        ingest = dataclasses.replace(
            config.ingest, max_bad_fraction=args.max_bad_fraction
        )
        config = dataclasses.replace(config, ingest=ingest)
    return config


@contextlib.contextmanager
def _other_logs_in(path: pathlib.Path) -> Iterator[None]:
    """Keeps what libraries have to say off the screen, in a file."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
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
    sys.exit(main())
