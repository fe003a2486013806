"""Rounds of clusters shown as galleries, of each cluster a row of pictures."""

import dataclasses
from collections.abc import Sequence
from html import escape

from keras_dvml.reports.page import gallery_figure, section

NUM_PICTURES = 8
_HINT = (
    "A row is a cluster: the images nearest to its centre, the nearest first. "
    "Nobody named them. In the rounds of training a cluster keeps its number."
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A cluster and some of its images.

    Args:
        name: What it is called.
        size: At least 0. Images in it.
        images: Encoded images (JPEG, PNG, GIF or BMP), the nearest to its
            centre first; at most eight are shown.

    Example:
        >>> import keras_dvml as kd
        >>> kd.reports.Cluster("17", size=1, images=[b"..."]).size
        1
    """

    name: str
    size: int
    images: Sequence[bytes]


@dataclasses.dataclass(frozen=True)
class ClusterRound:
    """One clustering of a set of images.

    Args:
        title: What it is called, such as `"Round 2"`.
        facts: A sentence or two about it; may be empty.
        clusters: Those that are to be shown.

    Example:
        >>> import keras_dvml as kd
        >>> clusters = [kd.reports.Cluster("17", size=1, images=[b"..."])]
        >>> facts = "It has 40 clusters."
        >>> kd.reports.ClusterRound("Round 2", facts, clusters).title
        'Round 2'
    """

    title: str
    facts: str
    clusters: Sequence[Cluster]


def clusters_section(rounds: Sequence[ClusterRound]) -> str:
    """Returns one block of HTML per round, the last one first and open."""
    # Only the last round is open.
    blocks = [_round_html(shown, shown is rounds[-1]) for shown in rounds[::-1]]
    return section("Clusters", _HINT, "\n".join(blocks), "clusters")


def _round_html(clustering: ClusterRound, is_open: bool) -> str:
    facts = escape(clustering.facts)
    hint = f'<p class="hint">{facts}</p>\n' if facts else ""
    galleries = "\n".join(map(_cluster_html, clustering.clusters))
    return (
        f"<details{' open' if is_open else ''}>"
        f"<summary>{escape(clustering.title)}</summary>\n{hint}"
        f'<div class="galleries">\n{galleries}\n</div></details>'
    )


def _cluster_html(cluster: Cluster) -> str:
    shown = cluster.images[:NUM_PICTURES]
    return gallery_figure(
        [shown],
        NUM_PICTURES,
        alt=f"{len(shown)} images of cluster {cluster.name}",
        name=f"Cluster {cluster.name}",
        facts=f"{cluster.size:,} {'image' if cluster.size == 1 else 'images'}",
    )
