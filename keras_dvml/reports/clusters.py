"""Rounds of clusters shown as galleries, of each cluster a row of pictures."""

import dataclasses
from collections.abc import Sequence
from html import escape

from keras_dvml.reports.thumbnails import grid_uri

_TILE = 64
_TILES = 8


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A cluster and some of its images.

    Args:
        name: str. What it is called.
        size: int >= 0. Images in it.
        images: sequence of bytes. Encoded images (JPEG, PNG, GIF or BMP), the
            nearest to its centre first; at most eight are shown.

    Example:
    >>> from keras_dvml.reports import Cluster
    >>> Cluster("17", size=1, images=[b"..."]).size
    1
    """

    name: str
    size: int
    images: Sequence[bytes]


@dataclasses.dataclass(frozen=True)
class ClusterRound:
    """One clustering of a set of images.

    Args:
        title: str. What it is called, such as `"Round 2"`.
        facts: str. A sentence or two about it; may be empty.
        clusters: sequence of `Cluster`, those that are to be shown.

    Example:
    >>> from keras_dvml.reports import Cluster, ClusterRound
    >>> clusters = [Cluster("17", size=1, images=[b"..."])]
    >>> ClusterRound("Round 2", "It has 40 clusters.", clusters).title
    'Round 2'
    """

    title: str
    facts: str
    clusters: Sequence[Cluster]


def clusters_html(rounds: Sequence[ClusterRound]) -> str:
    """Returns one block of HTML per round, the last one first and open."""
    return "\n".join(
        _round_html(one, is_open=number == 0)
        for number, one in enumerate(reversed(rounds))
    )


def _round_html(one: ClusterRound, is_open: bool) -> str:
    facts = f'<p class="hint">{escape(one.facts)}</p>\n' if one.facts else ""
    return (
        f"<details{' open' if is_open else ''}>"
        f"<summary>{escape(one.title)}</summary>\n{facts}"
        '<div class="galleries">\n'
        + "\n".join(_cluster_html(cluster) for cluster in one.clusters)
        + "\n</div></details>"
    )


def _cluster_html(cluster: Cluster) -> str:
    shown = cluster.images[:_TILES]
    name = escape(str(cluster.name))
    number = f"{cluster.size:,} {'image' if cluster.size == 1 else 'images'}"
    picture = ""
    if len(shown):
        # A row of fewer tiles is as much narrower.
        picture = (
            f'<img style="width: {100 * len(shown) / _TILES:g}%" '
            f'src="{grid_uri([shown], _TILE)}" '
            f'alt="{len(shown)} images of cluster {name}">'
        )
    return (
        f'<figure>{picture}<figcaption><span class="name">Cluster {name}</span>'
        f'<span class="score">{number}</span></figcaption></figure>'
    )
