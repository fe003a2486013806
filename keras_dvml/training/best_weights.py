"""The weights with which a model scored best."""

import numpy as np


class BestWeights:
    """Keeps, in memory, a model's weights of when its score was highest.

    Attributes:
        score: float, or `None` before the first score.
        epoch: int, the epoch that it is of, or `None`.
        weights: list of arrays, as from `model.get_weights()`, or `None`.
    """

    def __init__(self):
        self.score = self.epoch = self.weights = None

    def offer(self, model, score, epoch):
        """Keeps the weights if the score is above all before."""
        if self.score is None or score > self.score:
            self.score = float(score)
            self.epoch = epoch
            self.weights = model.get_weights()

    def restore(self, model):
        """Gives a model its best weights, if there are any."""
        if self.weights is not None:
            model.set_weights(self.weights)

    def get_state(self):
        """Returns a dict of arrays, empty before the first score."""
        if self.weights is None:
            return {}
        return {
            "best_score": np.asarray(self.score),
            "best_epoch": np.asarray(self.epoch),
            **{f"best.{i}": one for i, one in enumerate(self.weights)},
        }

    def set_state(self, state):
        """Goes back to what `get_state` returned."""
        self.score = self.epoch = self.weights = None
        if "best_score" in state:
            self.score = float(state["best_score"])
            self.epoch = int(state["best_epoch"])
            num_weights = sum(name.startswith("best.") for name in state)
            self.weights = [state[f"best.{i}"] for i in range(num_weights)]
