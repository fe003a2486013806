"""A small folder of images, and a pipeline small enough to run in a test."""

import dataclasses
import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from pipelines.configs import IngestConfig, PipelineConfig, TrainConfig
from pipelines.local_runner import run
from pipelines.progress import Progress


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
            ingest=IngestConfig(folder=str(images), max_bad_fraction=0.1),
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


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    """Makes artifacts, each in a folder of its own."""

    def make(kind):
        made = kind()
        made.uri = str(tmp_path_factory.mktemp(kind.__name__))
        return made

    return make


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
