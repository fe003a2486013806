"""How the loss and weights of a training are sought."""

import dataclasses
from typing import get_args

from pipelines.configs.schema.choices import MetricLoss, RetrievalScore
from pipelines.configs.schema.ranges import (
    AT_LEAST_0,
    AT_LEAST_1,
    check_choices,
    check_ranges,
)


@dataclasses.dataclass(frozen=True)
class TuneConfig:
    """How the candidate's loss and weights are sought before it is trained.

    Trials train on some of the classes to train on and are scored on the
    others of them. Classes to test on have no part in it. The best values go
    into the candidate's training, on all classes to train on; the other
    methods keep those of `TrainConfig`.

    Attributes:
        trials: trainings to try, the first with the values of `TrainConfig`;
            0 for none, and no such step.
        epochs: of each trial. DVML's second phase begins at the same share
            of them as in the training.
        losses: to choose from.
        min_factor: of the weights of DVML's terms prior, reconstruction and
            synthetic, as multiples of the run's own. The fourth stays: only
            their relation counts.
        max_factor: likewise.
        validation_fraction: in (0, 1). Share of the classes to train on, the
            last of them, that scores the trials.
        score: what the best trial has most of.
    """

    trials: int = 0
    epochs: int = 5
    losses: tuple[MetricLoss, ...] = get_args(MetricLoss)
    min_factor: float = 0.1
    max_factor: float = 10.0
    validation_fraction: float = 0.25
    score: RetrievalScore = "map@r"

    def __post_init__(self) -> None:
        """Refuses numbers out of range, and losses that there are not."""
        check_ranges(self, "tune.", trials=AT_LEAST_0, epochs=AT_LEAST_1)
        if not 0 < self.min_factor <= self.max_factor:
            raise ValueError(
                "`tune.min_factor` must be above 0 and at most "
                f"`tune.max_factor`; received min_factor={self.min_factor}, "
                f"max_factor={self.max_factor}"
            )
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                "`tune.validation_fraction` must lie between 0 and 1; "
                f"received validation_fraction={self.validation_fraction}"
            )
        unknown = set(self.losses) - set(get_args(MetricLoss))
        if unknown or not self.losses:
            raise ValueError(
                f"`tune.losses` must be of {get_args(MetricLoss)}, one at "
                f"least; received losses={self.losses}"
            )
        check_choices(self, "tune.", score=RetrievalScore)
