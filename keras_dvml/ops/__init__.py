"""Stateless tensor maths: distances, pair masks, masked reductions."""

from keras_dvml.ops.class_cycles import ClassCycles, class_cycles
from keras_dvml.ops.classes import class_ids, own_class
from keras_dvml.ops.closed_form import loss_with_closed_form_gradient
from keras_dvml.ops.distances import (
    l2_normalize,
    pairwise_similarity,
    pairwise_squared_distance,
    safe_sqrt,
)
from keras_dvml.ops.divergence import gaussian_divergence
from keras_dvml.ops.entries import add_to_entries
from keras_dvml.ops.four_turns import four_turns, rotation_loss
from keras_dvml.ops.masked import (
    FAR,
    log_sum_exp_with_slope,
    masked_log_sum_exp,
    masked_mean,
)
from keras_dvml.ops.noise import normal_noise, uniform_noise
from keras_dvml.ops.pairs import (
    LabelsOrPairs,
    Pairs,
    flatten_labels,
    has_negatives,
    hold_others,
    log_negative_pairs,
    log_pairs,
    log_positive_pairs,
    negative_pairs,
    num_anchors,
    positive_pairs,
)
from keras_dvml.ops.positives_in_turn import (
    PositivesInTurn,
    positives_in_turn,
)
from keras_dvml.ops.replicas import (
    gather_replicas,
    global_size,
    num_replicas,
    share_of_mean,
    slice_replica,
)
from keras_dvml.ops.rows import with_a_row

__all__ = [
    "FAR", "ClassCycles", "LabelsOrPairs", "Pairs", "PositivesInTurn",
    "add_to_entries", "class_cycles", "class_ids", "flatten_labels",
    "four_turns", "gather_replicas", "gaussian_divergence",
    "global_size", "has_negatives", "hold_others", "l2_normalize",
    "log_negative_pairs", "log_pairs", "log_positive_pairs",
    "log_sum_exp_with_slope",
    "loss_with_closed_form_gradient", "masked_log_sum_exp", "masked_mean",
    "negative_pairs", "normal_noise", "num_anchors", "num_replicas",
    "own_class", "pairwise_similarity", "pairwise_squared_distance",
    "positive_pairs", "positives_in_turn", "rotation_loss", "safe_sqrt",
    "share_of_mean", "slice_replica", "uniform_noise", "with_a_row",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
