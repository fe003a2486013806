import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_dvml.reports import (
    Cluster,
    ClusterRound,
    Search,
    SearchResult,
    plot_clusters,
    plot_embedding_map,
    plot_history,
    plot_scores,
    plot_search,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
from matplotlib import pyplot  # noqa: E402

PNG = tf.io.encode_png(np.zeros((8, 8, 3), np.uint8)).numpy()
SEARCH = Search(
    PNG,
    "wren",
    [
        SearchResult(PNG, "wren", 0.9, True),
        SearchResult(PNG, "a $ tit", 0.8, False),
    ],
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


def test_scores_are_bars_in_percent():
    scores = {"a": {"recall@1": 0.2, "nmi": 0.5}, "b": {"recall@1": 0.4}}
    ax = plot_scores(scores)
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, [20, 50, 40, np.nan])
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["Recall\n@1", "NMI"]


def test_intervals_are_lines_over_the_bars():
    scores = {"a": {"recall@1": 0.2, "nmi": 0.5}, "b": {"recall@1": 0.4}}
    intervals = {"a": {"nmi": (0.4, 0.55)}}
    ax = plot_scores(scores, intervals=intervals)
    ((line,),) = (lines.get_segments() for lines in ax.collections)
    # NMI is at 1; of two bars, 0.8 wide together, a's is the left one.
    np.testing.assert_allclose(line, [[0.8, 40], [0.8, 55]])


def test_clusters_are_rows_of_pictures_with_their_sizes():
    shown = [
        Cluster("7", size=1200, images=[PNG] * 11),
        Cluster("8", size=0, images=[]),
        Cluster("$9", size=2, images=[PNG] * 2),
    ]
    ax = plot_clusters(ClusterRound("Round 2", "", shown))
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["7 (1,200)", "$9 (2)"]
    # At most eight pictures a row, each one wide.
    assert [tuple(image.get_extent()) for image in ax.images] == [
        (0, 8, 1, 0),
        (0, 2, 2, 1),
    ]
    ax.figure.canvas.draw()


def test_history_skips_epochs_without_a_value():
    history = {"loss": [3.0, 2.0, 1.0], "val_recall@1": [None, 0.5, np.nan]}
    lines = {line.get_label(): line for line in plot_history(history).lines}
    assert lines["Total loss"].get_xdata().tolist() == [1, 2, 3]
    assert lines["Recall@1, held out"].get_xydata().tolist() == [[2, 0.5]]


def test_embedding_map_colours_by_class():
    ax = plot_embedding_map(np.random.rand(6, 2), ["a", "b"] * 3)
    colors = ax.collections[0].get_facecolors()
    assert len(colors) == 6 and len(np.unique(colors, axis=0)) == 2


def test_history_of_very_different_terms_is_logarithmic():
    assert plot_history({"loss": [90.0, 0.5]}).get_yscale() == "log"
    assert plot_history({"loss": [0.9, -0.5]}).get_yscale() == "linear"


def test_search_shows_query_and_results_with_signs():
    axes = plot_search(SEARCH)
    titles = [ax.get_title() for ax in axes]
    assert titles == [
        "query\nwren",
        "\u2713 0.900\nwren",
        "\u2717 0.800\na $ tit",
    ]
    axes[0].figure.canvas.draw()


def test_figures_draw_onto_given_axes():
    _, axes = pyplot.subplots(1, 3)
    assert plot_scores({"a": {"nmi": 0.5}}, ax=axes[0]) is axes[0]
    assert plot_history({"loss": [1.0]}, ax=axes[1]) is axes[1]
    assert plot_embedding_map(np.eye(2), [0, 1], ax=axes[2]) is axes[2]
    assert plot_search(SEARCH, axes=axes)[0] is axes[0]
    clusters = ClusterRound("", "", [Cluster("7", size=1, images=[PNG])])
    assert plot_clusters(clusters, ax=axes[0]) is axes[0]


def test_bad_input_is_a_named_error():
    with pytest.raises(ValueError, match="scores must"):
        plot_scores({})
    with pytest.raises(ValueError, match=r"points must.*\(3, 3\)"):
        plot_embedding_map(np.eye(3), [0, 1, 2])
    with pytest.raises(ValueError, match="labels"):
        plot_embedding_map(np.eye(2), [0, 1, 2])
    with pytest.raises(ValueError, match="axes must hold 3"):
        plot_search(SEARCH, axes=pyplot.subplots(1, 2)[1])
    with pytest.raises(ValueError, match="clusters must.*0 clusters"):
        plot_clusters(ClusterRound("", "", []))


def test_missing_matplotlib_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match='pip install "matplotlib>=3.8"'):
        plot_scores({"a": {"nmi": 0.5}})
