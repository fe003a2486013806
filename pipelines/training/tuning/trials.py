"""Trials of a training, scored on classes that they have not seen.

Those are cut from the classes to train on. The classes that the pipeline
tests on have no part in it, or their scores would promise too much.
"""

import dataclasses
import logging
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import keras_tuner
import numpy as np

import keras_dvml as kd
from keras_dvml.class_split import num_train_classes
from pipelines.configs import TrainConfig, TuneConfig
from pipelines.training.fitting import fit_model, training_batches
from pipelines.training.hyperparameters import (
    search_space,
    with_hyperparameters,
)
from pipelines.training.methods import build_model

_MIN_CLASSES = 4
_SCORES = ("recall@1", "map@r")

logger = logging.getLogger(__name__)


class Trial(NamedTuple):
    """What came out of a trial.

    Attributes:
        number: counted from 1; the first is of the run's own values.
        values: hyperparameter to value.
        scores: `recall@1` and `map@r` on the validation classes, in 0..1;
            empty where the trial failed.
    """

    number: int
    values: dict[str, Any]
    scores: dict[str, float]


class Tuning(NamedTuple):
    """What came out of all trials.

    Attributes:
        trials: in the order they ran.
        best: the one with the highest score, of equal ones the first.
        best_hyperparameters: its `keras_tuner.HyperParameters`, as a dict.
        num_classes: `(trained on, validated on)`.
    """

    trials: list[Trial]
    best: Trial
    best_hyperparameters: dict[str, Any]
    num_classes: tuple[int, int]


def tune_training(
    images: kd.data.EncodedImages, config: TrainConfig, tune: TuneConfig
) -> Tuning:
    """Runs the trials that a configuration asks for.

    The first trial has the run's own values, later ones draw theirs by
    chance, from the seed of the training. There are fewer where all there is
    to choose from has been tried.

    Args:
        images: those to train on, with labels.
        config: of the training that the trials are for.
        tune: how many trials, of what.

    Raises:
        ValueError: where there are fewer than four classes.
        RuntimeError: where no trial came to its end.
    """
    train, validation = split_by_class(images, tune.validation_fraction)
    oracle = _OwnValuesFirst(
        objective=keras_tuner.Objective(tune.score, "max"),
        max_trials=tune.trials,
        # 0 would be taken for none.
        seed=config.seed + 1,
        hyperparameters=search_space(config, tune),
        tune_new_entries=False,
        allow_new_entries=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        _Search(oracle, directory=folder).search(
            lambda values: _run_trial(
                _trial_config(config, tune, values), train, validation
            ),
            verbose=0,
        )
    done = [oracle.trials[name] for name in oracle.start_order]
    trials = [
        Trial(
            number,
            trial.hyperparameters.values,
            {
                name: float(trial.metrics.get_best_value(name))
                for name in _SCORES
                if trial.metrics.exists(name)
            },
        )
        for number, trial in enumerate(done, start=1)
    ]
    scored = [trial for trial in trials if trial.scores]
    if not scored:
        raise RuntimeError(
            "None of the trials came to its end. The last of them failed "
            f"with: {done[-1].message}"
        )
    best = max(scored, key=lambda trial: trial.scores[tune.score])
    return Tuning(
        trials,
        best,
        done[best.number - 1].hyperparameters.get_config(),
        (_num_classes(train), _num_classes(validation)),
    )


def split_by_class(
    images: kd.data.EncodedImages, validation_fraction: float
) -> tuple[kd.data.EncodedImages, kd.data.EncodedImages]:
    """Cuts off the images of the last classes.

    Args:
        images: with labels.
        validation_fraction: in (0, 1). Share of the classes to cut off, two
            at least.

    Returns:
        Images of the first classes, images of the others.

    Raises:
        ValueError: where there are fewer than four classes.
    """
    labels = np.asarray(images.labels)
    classes = np.unique(labels)
    if len(classes) < _MIN_CLASSES:
        raise ValueError(
            f"`tune.trials` need at least {_MIN_CLASSES} classes to train on: "
            "two to train the trials on and two others to score them; "
            f"received {len(classes)}. tune.trials=0 tunes nothing"
        )
    first_validated = classes[
        num_train_classes(len(classes), validation_fraction)
    ]
    is_validated = labels >= first_validated
    return _take(images, ~is_validated), _take(images, is_validated)


class _OwnValuesFirst(keras_tuner.oracles.RandomSearchOracle):
    """Draws values by chance, after a first trial with the run's own."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.trials:
            return super().populate_space(trial_id)
        own = dict(self.hyperparameters.values)
        return {"status": "RUNNING", "values": own}


class _Search(keras_tuner.Tuner):
    """KerasTuner's loop around trials of ours."""

    def run_trial(
        self,
        trial: Any,
        run: Callable[[dict[str, Any]], dict[str, float]],
        **kwargs: Any,
    ) -> dict[str, float]:
        """Runs a trial.

        Args:
            trial: of the oracle.
            run: from the hyperparameters of a trial to its scores.
            **kwargs: what else `search` was given.
        """
        logger.info(
            "trial %d of %d: %s",
            len(self.oracle.trials),
            self.oracle.max_trials,
            describe_values(trial.hyperparameters.values),
        )
        return run(trial.hyperparameters.get_config())


def describe_values(values: dict[str, Any]) -> str:
    """Lists hyperparameters in a line.

    Args:
        values: hyperparameter to value.

    Example:
        >>> describe_values({"loss": "n_pair", "prior_factor": 0.5})
        'loss n_pair, prior_factor 0.5'
    """
    return ", ".join(f"{name} {spell(values[name])}" for name in values)


def spell(value: Any) -> str:
    """Returns a value as text, a float with three digits.

    Args:
        value: of a hyperparameter.
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _trial_config(
    config: TrainConfig, tune: TuneConfig, hyperparameters: dict[str, Any]
) -> TrainConfig:
    share = config.release_decoder_at / max(1, config.epochs)
    return dataclasses.replace(
        with_hyperparameters(config, hyperparameters),
        epochs=tune.epochs,
        release_decoder_at=round(share * tune.epochs),
        evaluate_every=0,
        strategy="default",
    )


def _run_trial(
    config: TrainConfig,
    train: kd.data.EncodedImages,
    validation: kd.data.EncodedImages,
) -> dict[str, float]:
    # Trials share the process, and must not share names and random streams.
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    model = build_model(config)
    fit_model(model, training_batches(train, train.labels, config), config)
    batches = kd.data.image_batches(
        validation.image_bytes, image_size=config.image_size
    )
    # Keras' annotation knows the default alone.
    embeddings = model.predict(batches, verbose=0)  # pyright: ignore[reportArgumentType]
    scores = kd.evaluation.evaluate_retrieval(
        embeddings, validation.labels, ks=(1,), clustering=False
    )
    keras.backend.clear_session()
    return {name: float(scores[name]) for name in _SCORES}


def _num_classes(images: kd.data.EncodedImages) -> int:
    return len(np.unique(np.asarray(images.labels)))


def _take(
    images: kd.data.EncodedImages, chosen: np.ndarray
) -> kd.data.EncodedImages:
    return kd.data.EncodedImages(
        image_bytes=images.image_bytes.take(np.flatnonzero(chosen)),
        ids=images.ids[chosen],
        labels=np.asarray(images.labels)[chosen],
        label_names=images.label_names[chosen],
    )
