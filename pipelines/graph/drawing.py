"""The plan of a run as lines of text, for `--dry-run`."""

import dataclasses
import textwrap
from collections.abc import Iterable
from typing import Any

from pipelines.configs import PipelineConfig, TrainConfig
from pipelines.graph.plan import plan_run
from pipelines.graph.step import Step

_WIDTH = 79
_SHOWN_OF_TRAINING = (
    "steps_per_epoch",
    "classes_per_batch",
    "images_per_class",
    "backbone",
    "image_size",
    "augmentation",
    "learning_rate",
    "seed",
)
# What the report says, and where others report the same.
_NOT_SHOWN = ("notes", "round_number", "title", "titles")


def draw_plan(config: PipelineConfig) -> list[str]:
    """Draws the steps of a run, what they wait for, and their parameters.

    Args:
        config: the run.

    Returns:
        Lines: a step and what it waits for, and below it its parameters.
    """
    steps = plan_run(config)
    width = max(len(step.name) for step in steps)
    lines = [f"The model {config.name!r}, in {len(steps)} steps:", ""]
    for step in steps:
        name = f"  {step.name:{width}}"
        lines += _wrapped(f"{name}  <- ", step.upstream) or [name.rstrip()]
        lines += _wrapped(" " * 6, _shown_parameters(step))
    return lines


def _shown_parameters(step: Step) -> list[str]:
    shown: dict[str, Any] = {}
    for name, value in step.parameters.items():
        if isinstance(value, TrainConfig):
            # That of a Tuner is the one of the training that it is for.
            shown |= {} if step.component == "Tuner" else _training(value)
        elif dataclasses.is_dataclass(value):
            shown |= _changed(value)
        elif name not in _NOT_SHOWN:
            shown[name] = value
    return [f"{name}={_text(value)}" for name, value in shown.items()]


def _training(train: TrainConfig) -> dict[str, Any]:
    shown = {"method": train.method, "epochs": train.epochs}
    if train.epochs:
        if train.method in ("plain", "dvml"):
            shown["loss"] = train.loss
        shown |= {name: getattr(train, name) for name in _SHOWN_OF_TRAINING}
        if train.strategy != "default":
            shown["strategy"] = train.strategy
        if train.refit_on_all:
            shown["refit_on_all"] = True
    return shown


def _changed(config: Any) -> dict[str, Any]:
    """Returns the fields of a dataclass that are not at their defaults."""
    return {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    }


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


def _wrapped(start: str, words: Iterable[str]) -> list[str]:
    """Joins words by commas, with further lines below the first word."""
    return textwrap.wrap(
        ", ".join(words),
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
