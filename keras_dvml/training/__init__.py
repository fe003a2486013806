"""Callbacks of a training run, and rounds of pseudo-labels."""

from keras_dvml.training.label_round import (
    LabelRound,
    describe_round,
    next_round,
)
from keras_dvml.training.phase_schedule import PhaseSchedule
from keras_dvml.training.pseudo_labels import PseudoLabels
from keras_dvml.training.resumable_fit import resumable_fit
from keras_dvml.training.retrieval_evaluation import RetrievalEvaluation

__all__ = [
    "LabelRound", "PhaseSchedule", "PseudoLabels", "RetrievalEvaluation",
    "describe_round", "next_round", "resumable_fit",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
