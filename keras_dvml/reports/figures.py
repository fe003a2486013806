"""The report's figures as matplotlib axes, for notebooks."""

from collections.abc import Mapping, Sequence
from colorsys import hls_to_rgb
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.extras import import_of
from keras_dvml.reports.clusters import NUM_PICTURES, ClusterRound
from keras_dvml.reports.curves import LOG_FROM_RATIO, panels
from keras_dvml.reports.map_data import class_hues
from keras_dvml.reports.searches import Search
from keras_dvml.reports.tables import Intervals, Scores, score_names
from keras_dvml.reports.thumbnails import (
    TILE,
    square_thumbnail,
    thumbnail_grid,
)
from keras_dvml.reports.wording import spell_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PICTURE_SIZE = 128


def plot_scores(
    scores: Scores,
    ax: "Axes | None" = None,
    *,
    intervals: Intervals | None = None,
) -> "Axes":
    """Draws scores as groups of bars, in percent, with their intervals.

    Args:
        scores: Row name -> score name -> value in 0..1.
        ax: Axes to draw on; `None` for new ones.
        intervals: Row name -> score name -> (low, high) in 0..1, as from
            `evaluation.bootstrap_intervals`; `None` for none.

    Returns:
        The axes.

    Raises:
        ImportError: When matplotlib is not installed.
        ValueError: When `scores` is empty.

    Example:
        >>> import keras_dvml as kd
        >>> scores = {"dvml": {"recall@1": 0.6, "nmi": 0.8}}
        >>> kd.reports.plot_scores(scores).get_ylabel()
        'percent'
    """
    ax = ax or _new_axes()
    names = score_names(scores)
    if not names:
        raise ValueError(f"scores must not be empty; received {scores!r}")
    width = 0.8 / len(scores)
    for i, (row, row_scores) in enumerate(scores.items()):
        places = np.arange(len(names)) + (i - (len(scores) - 1) / 2) * width
        heights = [100 * row_scores.get(name, np.nan) for name in names]
        ax.bar(places, heights, width * 0.92, label=row)
        bounds = (intervals or {}).get(row, {})
        known = [j for j, name in enumerate(names) if name in bounds]
        if known:
            ends = 100 * np.array([bounds[names[j]] for j in known])
            ax.vlines(places[known], *ends.T, color="black", linewidth=1)
    # Broken before the k, or the names of neighbours run together.
    words = [spell_name(name).replace("@", "\n@") for name in names]
    ax.set_xticks(range(len(names)), words)
    ax.set(ylabel="percent", ylim=(0, 100))
    return _with_legend(ax)


def plot_history(
    history: Mapping[str, Sequence[float | None]], ax: "Axes | None" = None
) -> "Axes":
    """Draws every term of a Keras history over the epochs.

    The scale is logarithmic when the values differ more than 50-fold.

    Args:
        history: Term -> value per epoch, as in `keras` `History.history`;
            NaN or `None` where nothing was measured.
        ax: Axes to draw on; `None` for new ones.

    Returns:
        The axes.

    Raises:
        ImportError: When matplotlib is not installed.

    Example:
        >>> import keras_dvml as kd
        >>> history = {"loss": [0.9, 0.5], "prior_loss": [0.2, 0.1]}
        >>> kd.reports.plot_history(history).get_xlabel()
        'epoch'
    """
    ax = ax or _new_axes()
    for panel in panels({"": history}):
        for line in panel.lines:
            epochs, values = zip(*line.measured, strict=True)
            held_out = ", held out" if line.is_validation else ""
            ax.plot(
                np.add(epochs, 1),
                values,
                linestyle="--" if line.is_validation else "-",
                marker="." if len(values) < len(line.values) else None,
                label=spell_name(panel.term) + held_out,
            )
    drawn = [y for line in ax.lines for y in np.ravel(line.get_ydata())]
    if drawn and 0 < LOG_FROM_RATIO * min(drawn) < max(drawn):
        ax.set_yscale("log")
    ax.set_xlabel("epoch")
    return _with_legend(ax)


def plot_embedding_map(
    points: ArrayLike, labels: ArrayLike, ax: "Axes | None" = None
) -> "Axes":
    """Draws points of a plane, coloured by class.

    Args:
        points: `(N, 2)` floats, as `project_embeddings` returns.
        labels: `(N,)`. Class of each point.
        ax: Axes to draw on; `None` for new ones.

    Returns:
        The axes.

    Raises:
        ImportError: When matplotlib is not installed.
        ValueError: When the shapes do not fit.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> ax = kd.reports.plot_embedding_map(np.eye(2), [0, 1])
        >>> len(ax.collections)
        1
    """
    points, labels = np.asarray(points, float), np.asarray(labels)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(labels):
        raise ValueError(
            "points must have shape (N, 2) and labels (N,); "
            f"received shapes {points.shape} and {labels.shape}"
        )
    ax = ax or _new_axes()
    _, classes = np.unique(labels, return_inverse=True)
    colors = np.array(
        [hls_to_rgb(hue / 360, 0.5, 0.6) for hue in class_hues(points, classes)]
    )
    ax.scatter(*points.T, c=colors[classes], s=12)
    ax.set_aspect("equal", "datalim")
    ax.set(xticks=[], yticks=[])
    return ax


def plot_search(
    search: Search, axes: "Sequence[Axes] | np.ndarray | None" = None
) -> np.ndarray:
    """Draws a query and what was found as a row of pictures.

    Args:
        search: What is drawn.
        axes: At least `1 + len(search.results)` axes; `None` for a new
            figure.

    Returns:
        The axes, the query's first.

    Raises:
        ImportError: When matplotlib is not installed.
        ValueError: When there are fewer axes than pictures.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((8, 8, 3), tf.uint8)).numpy()
        >>> found = kd.reports.SearchResult(png, "wren", 0.93, is_hit=True)
        >>> search = kd.reports.Search(png, "wren", results=[found])
        >>> len(kd.reports.plot_search(search))
        2
    """
    num_pictures = 1 + len(search.results)
    if axes is None:
        _, axes = _pyplot().subplots(
            1, num_pictures, figsize=(1.3 * num_pictures, 1.9), squeeze=False
        )
    axes = np.asarray(axes).ravel()
    if len(axes) < num_pictures:
        raise ValueError(
            f"axes must hold {num_pictures} axes; received {len(axes)}"
        )
    _show(axes[0], search.query_image, f"query\n{search.query_label}", "black")
    for ax, result in zip(axes[1:], search.results, strict=False):
        sign, color = _mark(result.is_hit)
        text = f"{sign}{result.score:.3f}\n{result.label}"
        _show(ax, result.image, text, color)
    return axes


def plot_clusters(clusters: ClusterRound, ax: "Axes | None" = None) -> "Axes":
    """Draws clusters as rows of pictures, the nearest to the centre first.

    Args:
        clusters: At most eight images of each are drawn.
        ax: Axes to draw on; `None` for new ones.

    Returns:
        The axes.

    Raises:
        ImportError: When matplotlib is not installed.
        ValueError: When there is no cluster that has images.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((8, 8, 3), tf.uint8)).numpy()
        >>> clusters = [kd.reports.Cluster("17", size=40, images=[png] * 3)]
        >>> shown = kd.reports.ClusterRound("Round 2", "", clusters)
        >>> kd.reports.plot_clusters(shown).get_title()
        'Round 2'
    """
    shown = [cluster for cluster in clusters.clusters if len(cluster.images)]
    if not shown:
        raise ValueError(
            "clusters must hold a cluster with images; received "
            f"{len(clusters.clusters)} clusters, none with images"
        )
    ax = ax or _new_axes(figsize=(6, 0.7 * len(shown) + 0.4))
    columns = min(NUM_PICTURES, max(len(cluster.images) for cluster in shown))
    for number, cluster in enumerate(shown):
        row = thumbnail_grid([cluster.images[:columns]])
        width, bottom = row.shape[1] / TILE, number + 1
        ax.imshow(row, extent=(0, width, bottom, number))
    ax.set(xlim=(0, columns), ylim=(len(shown), 0), xticks=[])
    names = [f"{cluster.name} ({cluster.size:,})" for cluster in shown]
    ax.set_yticks(np.arange(len(shown)) + 0.5, names, parse_math=False)
    ax.tick_params(length=0)
    ax.set_title(clusters.title, parse_math=False)
    ax.spines[:].set_visible(False)
    return ax


def _mark(is_hit: bool | None) -> tuple[str, str]:
    if is_hit is None:
        return "", "black"
    return ("\u2713 ", "tab:green") if is_hit else ("\u2717 ", "tab:red")


def _show(ax: "Axes", image_bytes: bytes, text: str, color: str) -> None:
    ax.imshow(square_thumbnail(image_bytes, _PICTURE_SIZE))
    # Labels are names, not formulas: a dollar sign stays one.
    ax.set_title(text, fontsize=8, color=color, parse_math=False)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(color=color, linewidth=2)


def _with_legend(ax: "Axes") -> "Axes":
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return ax


def _new_axes(**options: Any) -> "Axes":
    return _pyplot().subplots(**options)[1]


def _pyplot() -> ModuleType:
    with import_of("viz", "Figures are drawn with matplotlib"):
        import matplotlib.pyplot as pyplot
    return pyplot
