"""A small folder of images, and a pipeline small enough to run in a test."""

import dataclasses
import io
import pathlib
import sys
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from pipelines.configs import (
    IngestConfig,
    PipelineConfig,
    TrainConfig,
    TuneConfig,
)
from pipelines.local_runner import run
from pipelines.runners.progress import Progress


@dataclasses.dataclass(frozen=True)
class LocalRun:
    """Where a run took place, how its steps ended, what it showed."""

    serving_dir: pathlib.Path
    run_dir: pathlib.Path
    outcomes: dict
    screen: str

    def steps(self, cached):
        return {
            step
            for step, outcome in self.outcomes.items()
            if outcome.is_cached == cached
        }

    def uri(self, step, key):
        return pathlib.Path(self.outcomes[step].outputs[key][0].uri)

    def versions(self, model_name):
        """Names of the folders that a server takes for versions."""
        paths = (self.serving_dir / model_name).iterdir()
        return {path.name for path in paths if path.name.isdecimal()}


@pytest.fixture(scope="session")
def write_images():
    """Writes noisy squares, each class of a colour of its own."""

    def write(folder, num_classes, images_per_class):
        random = np.random.default_rng(0)
        colors = random.integers(40, 216, (num_classes, 1, 1, 3))
        for number, color in enumerate(colors):
            class_dir = folder / f"class_{number}"
            class_dir.mkdir(parents=True)
            for i in range(images_per_class):
                noise = random.integers(-40, 40, (20, 24, 3))
                pixels = (color + noise).astype(np.uint8)
                Image.fromarray(pixels).save(class_dir / f"{i}.png")
        return folder

    return write


@pytest.fixture(scope="session")
def tiny_config():
    """Returns the configuration of a run that takes seconds."""

    def configure(images):
        return PipelineConfig(
            name="squares",
            ingest=IngestConfig(
                folder=str(images),
                # Of eight classes the last four are tested on.
                split_seed=138,
                max_bad_fraction=0.1,
            ),
            train=TrainConfig(
                image_size=16,
                widths=(4, 8),
                embedding_dim=8,
                num_samples=2,
                epochs=2,
                steps_per_epoch=3,
                release_decoder_at=1,
                evaluate_every=1,
            ),
        )

    return configure


@pytest.fixture(scope="session")
def run_locally():
    """Runs a configuration below a folder, as the command line does."""

    def run_pipeline(config, root):
        screen = io.StringIO()
        with Progress(screen) as progress:
            outcomes = run(
                config,
                workspace=root / "runs",
                serving_dir=root / "saved_models",
                progress=progress,
            )
        return LocalRun(
            serving_dir=root / "saved_models",
            run_dir=root / "runs" / config.name,
            outcomes=outcomes,
            screen=screen.getvalue(),
        )

    return run_pipeline


# Letters that mean something in patterns mean nothing in names of images.
IMAGES = "squares [1]*?"


@pytest.fixture(scope="session")
def labelled_root(tmp_path_factory, write_images):
    """Below it are the images of the labelled run and all that it writes."""
    root = tmp_path_factory.mktemp("labelled_run")
    images = write_images(root / IMAGES, num_classes=8, images_per_class=5)
    (images / "class_0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n...")
    (images / "class_0" / "Thumbs.db").write_bytes(b"clutter")
    return root


@pytest.fixture(scope="session")
def labelled_config(labelled_root, tiny_config):
    return dataclasses.replace(
        tiny_config(labelled_root / IMAGES),
        tune=TuneConfig(trials=2, epochs=1, losses=("n_pair",)),
    )


@pytest.fixture(scope="session")
def labelled_run(labelled_root, labelled_config, run_locally):
    """A whole run over images with labels: every method, and trials.

    Who reads it says `pytest.mark.xdist_group("labelled run")`.
    """
    return run_locally(labelled_config, labelled_root)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    """Makes artifacts, each in a folder of its own."""

    def make(kind):
        made = kind()
        made.uri = str(tmp_path_factory.mktemp(kind.__name__))
        return made

    return make


@pytest.fixture(scope="session")
def write_records():
    """Writes rows of `(image_bytes, id, label)` as a step's examples."""

    def write(path, rows):
        import tensorflow as tf

        import keras_dvml as kd

        path.parent.mkdir(parents=True, exist_ok=True)
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for row in rows:
                writer.write(kd.data.encode_example(*row).SerializeToString())

    return write


@pytest.fixture(scope="module")
def run_executor(tmp_path_factory):
    """Runs an executor as TFX's launcher does, with flags of Beam."""

    def run(executor_class, flags, *arguments):
        from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

        from pipelines.runners.beam_flags import beam_pipeline_args

        context = BaseBeamExecutor.Context(
            beam_pipeline_args=beam_pipeline_args(flags),
            tmp_dir=str(tmp_path_factory.mktemp("beam")),
            unique_id="1",
        )
        # TFX takes the process's arguments, pytest's here, for its own flags.
        with mock.patch.object(sys, "argv", sys.argv[:1]):
            executor_class(context).Do(*arguments)

    return run


@pytest.fixture
def numbered_artifact(tmp_path):
    """Makes artifacts with the numbers that the records give them."""
    from tfx.types import standard_artifacts

    def make(kind, number):
        made = vars(standard_artifacts)[kind]()
        made.id = number
        made.uri = str(tmp_path / f"{kind}_{number}")
        return made

    return make
