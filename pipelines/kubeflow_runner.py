r"""Compiles the pipeline for Kubeflow Pipelines or Vertex AI.

    python -m pipelines.kubeflow_runner --config cub_dvml \
        --image REGISTRY/keras_dvml:0.1.0 --root gs://BUCKET/keras_dvml \
        --output pipeline.yaml

`--output` ending in `.yaml` is what Kubeflow Pipelines 2 takes, in `.json`
what Vertex AI does; both are KFP's V2 specification.

The file holds class paths, parameters and URIs. The code is in the image: see
`Dockerfile`. All that components share lies below the root, an object store
that every container reaches.

Artifacts there are identified by names, those of TFX by numbers: the two
evaluators are therefore exchanged for ones that TFX recognises, and whose
blessings it translates. Compiled files are checked here; a cluster to run
them on was not at hand.
"""

import argparse
import contextlib
import logging
import os
import pathlib
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.configs import PipelineConfig
from pipelines.runners.beam_flags import beam_pipeline_args
from pipelines.runners.command_line import config_of, config_parser
from pipelines.runners.progress import Progress
from pipelines.runners.wildcards import refuse_wildcards

if TYPE_CHECKING:  # TFX takes 20 s to import; nobody waits for it in vain.
    from tfx.orchestration.pipeline import Pipeline

_SUFFIXES = (".yaml", ".yml", ".json")


def main(argv: list[str] | None = None) -> int:
    """Compiles what the command line asks for.

    Args:
        argv: arguments; the process's own when `None`.

    Returns:
        Exit status: 0 when the file is written.
    """
    args = _parse(argv)
    with Progress() as progress, _without_noise():
        try:
            compile_pipeline(
                config_of(args),
                image=args.image,
                root=args.root,
                output=args.output,
                beam_flags=args.beam_pipeline_args,
                compare=not args.no_baseline,
            )
        except Exception as error:
            progress.write(f"FAILED: {error}")
            return 1
        progress.write(f"Wrote {args.output}")
    return 0


def compile_pipeline(
    config: PipelineConfig,
    *,
    image: str,
    root: str,
    output: str,
    beam_flags: str = "",
    compare: bool = True,
) -> None:
    """Writes a pipeline as a file that Kubeflow takes.

    Args:
        config: the run.
        image: of the containers.
        root: URI below which everything lies.
        output: path of the file, `.yaml` or `.json`.
        beam_flags: see `pipelines.runners.beam_flags`.
        compare: whether the candidate is compared with the last blessed
            model.

    Raises:
        ValueError: where a container could not find what is named, or
            the file has a wrong ending.
    """
    _check(config, root, output)
    from pipelines.evaluation.baseline import last_blessed_model_of_tfx
    from pipelines.graph.pipeline import Places, create_pipeline

    root = root.rstrip("/")
    pipeline = create_pipeline(
        config,
        places=Places(
            pipeline_root=f"{root}/{config.name}",
            serving_dir=f"{root}/saved_models",
            data_dir=f"{root}/datasets",
        ),
        find_baseline=last_blessed_model_of_tfx if compare else None,
        beam_pipeline_args=beam_pipeline_args(beam_flags),
    )
    folder = pathlib.Path(output).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    suffix = next(s for s in _SUFFIXES if output.endswith(s))
    # kfp chooses the format by the ending, and writes in place.
    with tempfile.TemporaryDirectory(
        dir=folder, prefix=".incomplete-"
    ) as working:
        compiled = os.path.join(working, f"pipeline{suffix}")
        _compile(pipeline, image, compiled)
        os.replace(compiled, output)


def _compile(pipeline: "Pipeline", image: str, path: str) -> None:
    from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    from pipelines.runners.kubeflow.executors import managed_executor

    info = pipeline.pipeline_info
    # Names there have no underscores.
    info.pipeline_name = re.sub("[^a-z0-9]+", "-", info.pipeline_name.lower())
    for component in pipeline.components:
        executor = managed_executor(component)
        if executor is not None:
            component.executor_spec = ExecutorClassSpec(executor)
    kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        config=kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            default_image=image, use_pipeline_spec_2_1=True
        ),
        output_dir=os.path.dirname(path),
        output_filename=os.path.basename(path),
    ).run(pipeline)


def _check(config: PipelineConfig, root: str, output: str) -> None:
    if "://" not in root:
        raise ValueError(
            "`--root` must be a URI that all containers reach, such as "
            f"gs://BUCKET/keras_dvml; received {root!r}"
        )
    refuse_wildcards("--root", root)
    refuse_wildcards("--name", config.name)
    if not output.endswith(_SUFFIXES):
        raise ValueError(
            f"`--output` must end in one of {', '.join(_SUFFIXES)}; "
            f"received {output!r}"
        )
    fields = {f"ingest.{k}": v for k, v in vars(config.ingest).items()}
    fields |= {f"train.{k}": v for k, v in vars(config.train).items()}
    for name, value in fields.items():
        if isinstance(value, str) and os.path.isabs(value):
            raise ValueError(
                f"`{name}` must not be a path of this machine, which "
                "containers do not see: they read data sets of TFDS that were "
                "prepared in the folder `datasets` below --root; received "
                f"{name}={value!r}"
            )


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = config_parser(
        "python -m pipelines.kubeflow_runner",
        "Writes the pipeline as a file for Kubeflow Pipelines or Vertex AI.",
    )
    parser.add_argument(
        "--image",
        required=True,
        help="of the containers; see Dockerfile",
    )
    parser.add_argument(
        "--root",
        required=True,
        metavar="URI",
        help="where artifacts, data sets and published models go",
    )
    parser.add_argument(
        "--output",
        default="pipeline.yaml",
        metavar="FILE",
        help="what to write: .yaml for Kubeflow Pipelines 2, .json for Vertex "
        "AI (default: %(default)s)",
    )
    parser.add_argument(
        "--no-baseline",
        action="store_true",
        help="bless whatever comes out, not only what is as good as the last "
        "blessed model; for the first run where there is none to be found",
    )
    return parser.parse_args(argv)


@contextlib.contextmanager
def _without_noise() -> Iterator[None]:
    """Keeps the warnings of libraries off the screen."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    root = logging.getLogger()
    silent = logging.NullHandler()
    root.addHandler(silent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(silent)


if __name__ == "__main__":
    sys.exit(main())
