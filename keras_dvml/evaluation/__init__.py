"""Scores of embeddings: embeddings and labels in, named numbers out."""

from keras_dvml.evaluation.clustering_scores import (
    clustering_scores,
    pairwise_f1,
)
from keras_dvml.evaluation.neighbors import nearest_neighbors
from keras_dvml.evaluation.ranks import positive_ranks
from keras_dvml.evaluation.retrieval import (
    evaluate_retrieval,
    map_at_r,
    r_precision,
    recall_at_k,
    score_names,
)
