"""Where the steps that are Beam pipelines run: here, or on a cluster.

`ImageExampleGen` and `StatisticsGen` are Beam pipelines, and so is the
embedding of images in `Clusterer`, the evaluators and `Indexer`.
`--beam-pipeline-args` says what runs them; the rest of a run stays where it is.
Without it, one process in memory does. What comes out is the same up to
rounding, whatever the number of workers.

More processes of this machine:

    --beam-pipeline-args="--direct_running_mode=multi_processing
        --direct_num_workers=2"

Each loads TensorFlow and the model anew, which pays from some ten thousand
images on.

Google Cloud Dataflow; the image is that of the `Dockerfile`, so that workers
find this package, and all paths are `gs://`:

    --beam-pipeline-args="--runner=DataflowRunner --project=PROJECT
        --region=REGION --temp_location=gs://BUCKET/tmp
        --sdk_container_image=IMAGE --experiments=use_runner_v2"

Apache Flink, or Spark with `--runner=SparkRunner` and
`--spark_master_url=spark://HOST:7077` in the place of the first two; paths
must be ones that all workers reach, a network folder or an object store:

    --beam-pipeline-args="--runner=FlinkRunner --flink_master=HOST:8081
        --parallelism=8 --environment_type=EXTERNAL
        --environment_config=localhost:50000"

where each worker machine runs Beam's worker pool from the same image. Flink
and Spark also need Java and fetch Beam's job server once. The three clusters
are Beam's own ground and were not run here; the engines in memory and in
processes are, by the tests.
"""

import shlex

_RUNNER = "--runner"
# Beam's default would fetch another engine from the network.
_IN_MEMORY = "--runner=FnApiRunner"
# Without one of these TFX packs a copy of itself for the workers, 18 MB and
# some seconds for each step, and leaves it in the temporary folder. Ours have
# TFX already: they are processes of this environment, or of its image.
_IMAGE = "--sdk_container_image"
_WHERE_CODE_IS = {
    _IMAGE,
    "--worker_harness_container_image",
    "--extra_package",
    "--extra_packages",
    "--requirements_file",
    "--setup_file",
}
_OUR_IMAGE = f"{_IMAGE}=keras_dvml"


def beam_pipeline_args(flags: str = "") -> list[str]:
    """Returns Beam's arguments, with an engine among them.

    Args:
        flags: as the command line has them, separated by spaces.

    Returns:
        list of arguments; the engine in memory where none is named, and the
        image of the `Dockerfile`, by the name keras_dvml, where no other one
        and no package is.

    Raises:
        ValueError: where a flag does not begin with `--`, or names an engine
            that loses data.

    Example:
        >>> beam_pipeline_args("--runner=DataflowRunner --setup_file=setup.py")
        ['--runner=DataflowRunner', '--setup_file=setup.py']
    """
    try:
        given = shlex.split(flags)
    except ValueError as error:
        raise ValueError(
            f"`--beam-pipeline-args` must close its quotes ({error}); "
            f"received {flags!r}"
        ) from None
    wrong = [
        flag
        for before, flag in zip(["", *given], given, strict=False)
        # What follows a flag without `=` is its value.
        if not flag.startswith("--")
        and ("=" in before or not before.startswith("--"))
    ]
    if wrong:
        raise ValueError(
            "`--beam-pipeline-args` takes flags that begin with `--`, in one "
            f'text: --beam-pipeline-args="--a=b --c=d"; received {wrong[0]!r}'
        )
    if any("DaskRunner" in flag for flag in given):
        raise ValueError(
            "Beam's DaskRunner loses data without a word: it drops what a "
            "bundle yields at its end and all branches but the last. Choose "
            f"another one; received --beam-pipeline-args={flags!r}"
        )
    named = {flag.partition("=")[0] for flag in given}
    engine = [] if _RUNNER in named else [_IN_MEMORY]
    image = [] if named & _WHERE_CODE_IS else [_OUR_IMAGE]
    return [*engine, *given, *image]
