"""Runs the pipeline on this machine.

    python -m pipelines.local_runner --config glyphs_dvml
    python -m pipelines.local_runner --config folder_dvml --images FOLDER
    python -m pipelines.local_runner --config folder_udml --images FOLDER

    python -m pipelines.local_runner --config glyphs_dvml --set train.epochs=2
    python -m pipelines.local_runner --config glyphs_dvml --dry-run

Everything but saved models stays below the workspace: `<workspace>/<name>/`
holds artifacts, metadata, a log and the report. A second run reuses what has
not changed. Of two at once under one name, the second waits for the first.
"""

import argparse
import functools
import os
import pathlib
import signal
import sys
import traceback
from typing import TYPE_CHECKING

from keras_dvml.publisher_lock import only_publisher_of
from pipelines.configs import PipelineConfig
from pipelines.graph.drawing import draw_plan
from pipelines.ingestion.listing import input_fingerprint
from pipelines.runners.beam_flags import beam_pipeline_args
from pipelines.runners.command_line import config_of, config_parser
from pipelines.runners.local.failures import explain
from pipelines.runners.local.records import (
    delete_unfinished,
    forget_lost_pushes,
    rollback_on_failure,
)
from pipelines.runners.local.results import show_results
from pipelines.runners.local.run_log import other_logs_in
from pipelines.runners.local.workspace import (
    claim,
    only_run_in,
    own_temporary_folder,
    refuse_other_source,
    sweep,
)
from pipelines.runners.progress import Progress
from pipelines.runners.wildcards import refuse_wildcards
from pipelines.training.tf_config import read_chief

if TYPE_CHECKING:  # TFX takes 20 s to import; nobody waits for it in vain.
    from pipelines.runners.local.step_runner import StepOutcome


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
                progress.write("\n".join(draw_plan(config)))
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
                "command resumes here."
            )
            return 143 if terminated else 130
        except Exception as error:
            # People get the message; the traceback is in the run's log.
            if args.verbose:
                progress.write(traceback.format_exc())
            step = progress.failed_step
            message = explain(error, workspace, serving_dir)
            progress.write(f"\nFAILED{step and f' in {step}'}: {message}")
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
    """Runs the pipeline and reports what came out.

    Args:
        config: the run.
        workspace: absolute path; the run's own folder is made in there.
        serving_dir: absolute path of `saved_models/`.
        progress: to report to.
        beam_flags: see `pipelines.runners.beam_flags`.

    Returns:
        Step id to its outcome.
    """
    # Beam's processes and the chief of a training need room on GPUs too.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # What can be wrong is found before TFX is loaded.
    beam_args = beam_pipeline_args(beam_flags)
    refuse_wildcards("--workspace", workspace)
    refuse_wildcards("--saved-models", serving_dir)
    refuse_wildcards("--name", config.name)
    if config.train.strategy == "multi_worker":
        read_chief()
    fingerprint = input_fingerprint(config.ingest)
    run_dir = workspace / config.name
    run_dir.mkdir(parents=True, exist_ok=True)
    # Before it waits, perhaps for hours.
    refuse_other_source(run_dir, config)
    with (
        only_run_in(run_dir, progress),
        own_temporary_folder(run_dir),
        other_logs_in(run_dir / "run.log"),
    ):
        claim(run_dir, config)
        sweep(run_dir)
        model_dir = serving_dir / config.name
        # An export, or a run in another workspace, may be publishing it.
        if serving_dir.exists():
            with only_publisher_of(model_dir):
                sweep(model_dir, pathlib.Path(f"{model_dir}-scann"))
        records_path = run_dir / "metadata.db"
        pipeline_root = run_dir / "artifacts"
        delete_unfinished(records_path, pipeline_root)
        forget_lost_pushes(pipeline_root)
        with progress.step("loading TensorFlow Extended"):
            from tfx.orchestration import metadata

            from pipelines.graph.pipeline import Places, create_pipeline
            from pipelines.runners.local.step_runner import StepRunner
            from pipelines.training.checkpoints import (
                CHECKPOINTS,
                delete_finished_checkpoints,
            )

        pipeline = create_pipeline(
            config,
            places=Places(
                pipeline_root=str(pipeline_root),
                serving_dir=str(serving_dir),
                data_dir=str(workspace / "datasets"),
            ),
            input_fingerprint=fingerprint,
            metadata_connection_config=(
                metadata.sqlite_metadata_connection_config(str(records_path))
            ),
            beam_pipeline_args=beam_args,
        )
        runner = StepRunner(
            progress,
            functools.partial(rollback_on_failure, records_path, pipeline_root),
        )
        runner.run(pipeline)
        delete_finished_checkpoints(pipeline_root / CHECKPOINTS)
        show_results(config, runner.outcomes, run_dir, progress)
    return runner.outcomes


def _terminate(*unused: object) -> None:
    raise Terminated


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


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
