"""What a Tuner tunes, and how the best values enter a training."""

import dataclasses
from typing import Any

import keras_tuner

from pipelines.configs import TrainConfig, TuneConfig

LOSS = "loss"
_FACTOR = "{}_factor"
# The fourth weight, of the invariant term, is what these are relative to.
_TERMS = ("prior", "reconstruction", "synthetic")


def factors_of(config: TrainConfig) -> list[str]:
    """Lists the hyperparameters that multiply a weight of the configuration.

    Args:
        config: of the training; a weight of 0 is no term to be weighed.
    """
    if config.method != "dvml":
        return []
    return [
        _FACTOR.format(term)
        for term in _TERMS
        if any(getattr(config, f"{term}_weight"))
    ]


def search_space(
    config: TrainConfig, tune: TuneConfig
) -> keras_tuner.HyperParameters:
    """Returns the search space, with the run's own values as the defaults.

    Args:
        config: of the training.
        tune: the losses and the range of the factors.

    Returns:
        A choice and a float for each factor.
    """
    space = keras_tuner.HyperParameters()
    losses = list(dict.fromkeys((config.loss, *tune.losses)))
    space.Choice(LOSS, losses, default=config.loss)
    # The run's own weights are one of the trials: the range holds them.
    low, high = min(tune.min_factor, 1.0), max(tune.max_factor, 1.0)
    for name in factors_of(config) if low < high else ():
        space.Float(name, low, high, sampling="log", default=1.0)
    return space


def with_hyperparameters(
    config: TrainConfig, hyperparameters: dict[str, Any] | None
) -> TrainConfig:
    """Returns a training with what a Tuner found.

    Args:
        config: of the training.
        hyperparameters: the configuration of a `keras_tuner.HyperParameters`,
            as TFX hands it to its Trainer; `None` for none.

    Raises:
        ValueError: where one of them is none of `search_space`.

    Example:
        >>> config = TrainConfig(method="dvml", prior_weight=(1.0, 0.5))
        >>> found = {"values": {"loss": "n_pair", "prior_factor": 2.0}}
        >>> config = with_hyperparameters(config, found)
        >>> config.loss, config.prior_weight
        ('n_pair', (2.0, 1.0))
    """
    if not hyperparameters:
        return config
    changes = {}
    for name, value in hyperparameters["values"].items():
        term = name.removesuffix(_FACTOR.format(""))
        if name == LOSS:
            changes[LOSS] = value
        elif term in _TERMS:
            weights = getattr(config, f"{term}_weight")
            changes[f"{term}_weight"] = tuple(
                value * weight for weight in weights
            )
        else:
            raise ValueError(
                f"`hyperparameters` may hold {LOSS!r} and {_FACTOR!r} of "
                f"{_TERMS}; received {name!r}"
            )
    return dataclasses.replace(config, **changes)
