"""The weights with which a model scored best."""

import keras
import numpy as np


class BestWeights:
    """Keeps, in memory, a model's weights of when its score was highest.

    Attributes:
        score: float, or `None` before the first score.
        epoch: int, the epoch that it is of, or `None`.
        weights: list of arrays, as from `model.get_weights()`, or `None`.
    """

    def __init__(self) -> None:
        self.score: float | None = None
        self.epoch: int | None = None
        self.weights: list[np.ndarray] | None = None

    def offer(self, model: keras.Model, score: float, epoch: int) -> None:
        """Keeps the weights if the score is above all before."""
        if self.score is None or score > self.score:
            self.score = float(score)
            self.epoch = epoch
            self.weights = model.get_weights()

    def restore(self, model: keras.Model) -> None:
        """Gives a model its best weights, if there are any."""
        if self.weights is not None:
            model.set_weights(self.weights)

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns what is kept, nothing before the first score."""
        if self.weights is None:
            return {}
        return {
            "best_score": np.asarray(self.score),
            "best_epoch": np.asarray(self.epoch),
            **{f"best.{i}": array for i, array in enumerate(self.weights)},
        }

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Restores what `get_state` returned."""
        self.__init__()
        if "best_score" in state:
            self.score = float(state["best_score"])
            self.epoch = int(state["best_epoch"])
            num_weights = sum(name.startswith("best.") for name in state)
            self.weights = [state[f"best.{i}"] for i in range(num_weights)]
