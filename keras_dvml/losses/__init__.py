"""Metric losses: one file a loss, a pure function and a Keras class each."""

from keras_dvml.losses.contrastive import ContrastiveLoss, contrastive_loss
from keras_dvml.losses.metric_loss import MetricLoss
from keras_dvml.losses.multi_similarity import (
    MultiSimilarityLoss,
    multi_similarity_loss,
)
from keras_dvml.losses.n_pair import NPairLoss, n_pair_loss
from keras_dvml.losses.triplet_semi_hard import (
    TripletSemiHardLoss,
    triplet_semi_hard_loss,
)
