"""Tunes the loss and the weights that the candidate is trained with."""

import json

from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from pipelines.artifacts.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from pipelines.artifacts.examples import load_images
from pipelines.artifacts.files import write_bytes, write_json
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
) -> None:
    """Runs trials of a training, and reports which had the best scores.

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
    train_config = TrainConfig(**json.loads(train))
    images = load_images(examples, "train")
    tuning = tune_training(images, train_config, tune_config)

    score, best = tune_config.score, tuning.best_hyperparameters
    write_json(best_hyperparameters.uri, _BEST_FILE, best)
    write_json(tuner_results.uri, _RESULTS_FILE, _records(tuning, score))
    page = trials_page(tuning, score)
    write_bytes(tuner_results.uri, _TRIALS_PAGE, page.encode())
    tuner_results.set_string_custom_property("summary", _summary(tuning, score))


def _records(tuning: Tuning, score: str) -> list[dict]:
    """Returns a row a trial, the columns of TFX' own first."""
    return [
        {
            "trial_id": str(trial.number),
            "score": trial.scores.get(score),
            **trial.values,
            **trial.scores,
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
