"""Callbacks that steer and watch a training run."""

from keras_dvml.training.label_round import LabelRound
from keras_dvml.training.phase_schedule import PhaseSchedule
from keras_dvml.training.pseudo_labels import PseudoLabels
from keras_dvml.training.resumable_fit import resumable_fit
from keras_dvml.training.retrieval_evaluation import RetrievalEvaluation
