"""Nearest-neighbour indexes: one contract, exact and approximate."""

from keras_dvml.index.exact import ExactIndex
from keras_dvml.index.index import Index
from keras_dvml.index.recall import measure_recall
from keras_dvml.index.scann import ScannIndex
from keras_dvml.index.timing import median_seconds

__all__ = [
    "ExactIndex", "Index", "ScannIndex", "measure_recall", "median_seconds",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
