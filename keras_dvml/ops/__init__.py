"""Stateless tensor maths: distances, pair masks, masked reductions."""

from keras_dvml.ops.distances import (
    l2_normalize,
    pairwise_similarity,
    pairwise_squared_distance,
)
from keras_dvml.ops.divergence import gaussian_divergence
from keras_dvml.ops.masked import (
    masked_log_sum_exp,
    masked_max,
    masked_mean,
    masked_min,
)
from keras_dvml.ops.pairs import flatten_labels, negative_pairs, positive_pairs
from keras_dvml.ops.replicas import (
    gather_replicas,
    num_replicas,
    slice_replica,
)
