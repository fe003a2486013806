"""Stateless tensor maths: distances, pair masks, masked reductions."""

from keras_dvml.ops.class_cycles import ClassCycles, class_cycles
from keras_dvml.ops.closed_form import (
    over_similarities,
    over_squared_distances,
)
from keras_dvml.ops.distances import (
    l2_normalize,
    pairwise_similarity,
    pairwise_squared_distance,
)
from keras_dvml.ops.divergence import gaussian_divergence
from keras_dvml.ops.entries import add_to_entries
from keras_dvml.ops.four_turns import four_turns, rotation_loss
from keras_dvml.ops.masked import (
    FAR,
    log_sum_exp_with_slope,
    masked_log_sum_exp,
    masked_max,
    masked_mean,
    masked_min,
)
from keras_dvml.ops.normal_noise import normal_noise
from keras_dvml.ops.pairs import (
    flatten_labels,
    log_negative_pairs,
    log_positive_pairs,
    negative_pairs,
    own_class,
    positive_pairs,
)
from keras_dvml.ops.replicas import (
    gather_replicas,
    num_replicas,
    slice_replica,
)
