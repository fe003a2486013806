"""Pictures of a run: one HTML report, and its figures for notebooks."""

from keras_dvml.reports.clusters import Cluster, ClusterRound
from keras_dvml.reports.embedding_map import EmbeddingMap
from keras_dvml.reports.figures import (
    plot_clusters,
    plot_embedding_map,
    plot_history,
    plot_scores,
    plot_search,
)
from keras_dvml.reports.projection import project_embeddings
from keras_dvml.reports.report import write_report
from keras_dvml.reports.search_page import write_searches
from keras_dvml.reports.searches import Search, SearchResult
from keras_dvml.reports.variations import Variation, search_variation

__all__ = [
    "Cluster", "ClusterRound", "EmbeddingMap", "Search", "SearchResult",
    "Variation", "plot_clusters", "plot_embedding_map", "plot_history",
    "plot_scores", "plot_search", "project_embeddings", "search_variation",
    "write_report", "write_searches",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
