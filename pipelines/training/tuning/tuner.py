"""Seeks the loss and the weights that the candidate is trained with."""

import json
import os

from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils

import keras_dvml as kd
from pipelines.artifacts.examples import example_files
from pipelines.configs import TrainConfig, TuneConfig
from pipelines.training.tuning.trials import (
    Tuning,
    describe_values,
    tune_training,
)
from pipelines.training.tuning.trials_page import trials_page

_TRIALS_PAGE = "trials.html"
# As TFX' own Tuner names them, and its Trainer reads the first.
_BEST_FILE = "best_hyperparameters.txt"
_RESULTS_FILE = "tuner_results.json"


@component
def Tuner(  # noqa: N802
    examples: InputArtifact[standard_artifacts.Examples],
    best_hyperparameters: OutputArtifact[standard_artifacts.HyperParameters],
    tuner_results: OutputArtifact[standard_artifacts.TunerResults],
    train: Parameter[str],
    tune: Parameter[str],
    code_fingerprint: Parameter[str] = "",
):
    """Tries trainings, and says which had the best scores.

    Trials are trained on classes of the `train` split and scored on others of
    it; the `test` split is not read. They run in this process, on its own
    devices, whatever the strategy of the training is.

    TFX' own Tuner prints its table to the screen and leaves numbers; this one
    leaves the same artifacts, and `trials.html` for people.

    Args:
        examples: with a `train` split.
        best_hyperparameters: `best_hyperparameters.txt`, as TFX' Trainer
            takes it.
        tuner_results: `tuner_results.json`, a row a trial, and `trials.html`.
        train: fields of the `TrainConfig` that is tuned, as JSON.
        tune: those of the `TuneConfig`.
        code_fingerprint: changes when the code does; only the cache reads it.
    """
    del code_fingerprint
    tune_config = TuneConfig(**json.loads(tune))
    tuning = tune_training(
        kd.data.load_examples(example_files(examples, "train")),
        TrainConfig(**json.loads(train)),
        tune_config,
    )
    for uri, name, text in (
        (
            best_hyperparameters.uri,
            _BEST_FILE,
            json.dumps(tuning.best_hyperparameters),
        ),
        (
            tuner_results.uri,
            _RESULTS_FILE,
            json.dumps(_records(tuning, tune_config.score), indent=1),
        ),
        (
            tuner_results.uri,
            _TRIALS_PAGE,
            trials_page(tuning, tune_config.score),
        ),
    ):
        io_utils.write_string_file(os.path.join(uri, name), text)
    tuner_results.set_string_custom_property(
        "summary", _summary(tuning, tune_config.score)
    )


def _records(tuning: Tuning, score: str) -> list[dict]:
    """Returns a row a trial, the columns of TFX' own first."""
    return [
        {
            "trial_id": str(trial.number),
            "score": trial.scores and trial.scores[score],
            **trial.values,
            **(trial.scores or {}),
        }
        for trial in tuning.trials
    ]


def _summary(tuning: Tuning, score: str) -> str:
    trained, validated = tuning.num_classes
    return (
        f"{len(tuning.trials)} trials on {trained} classes, best {score} "
        f"{tuning.best.scores[score]:.1%} on {validated} others: "
        f"{describe_values(tuning.best.values)}"
    )
