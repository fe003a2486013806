"""Runs as Python: one module a run, with a `configure(images)`."""

import importlib
import pathlib

from pipelines.configs.schema import (
    UNSUPERVISED,
    YARDSTICKS,
    EvaluationConfig,
    IndexConfig,
    IngestConfig,
    PipelineConfig,
    RoundsConfig,
    TrainConfig,
    TuneConfig,
)

__all__ = [
    "UNSUPERVISED",
    "YARDSTICKS",
    "EvaluationConfig",
    "IndexConfig",
    "IngestConfig",
    "PipelineConfig",
    "RoundsConfig",
    "TrainConfig",
    "TuneConfig",
    "config_names",
    "load_config",
]


def config_names() -> list[str]:
    """Lists the runs that `load_config` knows."""
    modules = pathlib.Path(__file__).parent.glob("*.py")
    return sorted(path.stem for path in modules if path.stem != "__init__")


def load_config(name: str, images: str | None = None) -> PipelineConfig:
    """Returns the run called `name`.

    Args:
        name: of a module in this package, such as `"glyphs_dvml"`.
        images: folder of images for the runs that take one.
    """
    if name not in config_names():
        raise ValueError(
            f"`config` must be one of {config_names()}; received "
            f"config={name!r}"
        )
    module = importlib.import_module(f"pipelines.configs.{name}")
    return module.configure(images)
