"""Scores of embeddings: embeddings and labels in, named numbers out."""

from keras_dvml.evaluation.clustering_scores import (
    ami,
    clustering_scores,
    nmi,
    pairwise_f1,
)
from keras_dvml.evaluation.image_features import hog_features, pixel_features
from keras_dvml.evaluation.intervals import (
    Difference,
    Interval,
    bootstrap_intervals,
    compare_retrieval,
    mean_interval,
)
from keras_dvml.evaluation.match_threshold import (
    MatchThreshold,
    calibrate_match_threshold,
)
from keras_dvml.evaluation.neighbors import nearest_neighbors
from keras_dvml.evaluation.ranks import PositiveRanks, positive_ranks
from keras_dvml.evaluation.retrieval import (
    RetrievalScores,
    evaluate_retrieval,
    map_at_r,
    mean_reciprocal_rank,
    r_precision,
    recall_at_k,
    score_names,
)

__all__ = [
    "Difference", "Interval", "MatchThreshold", "PositiveRanks",
    "RetrievalScores", "ami", "bootstrap_intervals",
    "calibrate_match_threshold", "clustering_scores", "compare_retrieval",
    "evaluate_retrieval", "hog_features", "map_at_r", "mean_interval",
    "mean_reciprocal_rank", "nearest_neighbors", "nmi", "pairwise_f1",
    "pixel_features", "positive_ranks", "r_precision", "recall_at_k",
    "score_names",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
