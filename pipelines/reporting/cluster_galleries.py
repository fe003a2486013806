"""Pictures of clusters for the report."""

import numpy as np

import keras_dvml as kd
from pipelines.artifacts.pseudo_label_table import FEATURES, PseudoLabelTable

_NUM_IMAGES = 8
_CLUSTERS_OF_LAST = 60
_CLUSTERS_OF_OTHERS = 24


def cluster_galleries(
    tables: list[PseudoLabelTable], gallery: kd.data.EncodedImages
) -> list[kd.reports.ClusterRound]:
    """Shows each round of clusters, the same clusters in all but the last.

    Args:
        tables: rounds in order; the last is of all images and stands alone.
        gallery: all images.

    Returns:
        A `ClusterRound` for each of them.
    """
    *trained_on, last = tables
    titles = [f"Round {number}" for number in range(1, len(tables))]
    shown = [_shown(trained_on[-1], _CLUSTERS_OF_OTHERS)] * len(trained_on)
    titles.append("All images, by the finished model")
    shown.append(_shown(last, _CLUSTERS_OF_LAST))
    return [
        kd.reports.ClusterRound(
            title=title,
            facts=_facts(table, len(clusters)),
            clusters=[
                _cluster(table, cluster, gallery) for cluster in clusters
            ],
        )
        for title, table, clusters in zip(titles, tables, shown, strict=True)
    ]


def _cluster(
    table: PseudoLabelTable, cluster: int, gallery: kd.data.EncodedImages
) -> kd.reports.Cluster:
    members = np.flatnonzero(table.clusters == cluster)
    nearest = members[np.argsort(table.distances[members], kind="stable")]
    # Both are in the order of the ids, but a round may lack some.
    places = np.searchsorted(gallery.ids, table.ids[nearest[:_NUM_IMAGES]])
    return kd.reports.Cluster(
        name=str(cluster),
        size=len(members),
        images=[gallery.image_bytes[place] for place in places],
    )


def _facts(table: PseudoLabelTable, num_shown: int) -> str:
    facts = table.facts
    sizes = [size for size in facts["sizes"] if size]
    of = (
        "features of the backbone"
        if facts["space"] == FEATURES
        else "embeddings"
    )
    text = (
        f"{facts['num_images']:,} images in {len(sizes):,} clusters of "
        f"{min(sizes):,} to {max(sizes):,}, by their {of}"
    )
    if facts["num_empty"]:
        text += f"; {facts['num_empty']:,} clusters are empty"
    text += "."
    if facts["changed"] is not None:
        text += (
            f" {facts['changed']:.0%} of the images changed cluster; "
            f"NMI with the round before: {facts['nmi_previous']:.3f}."
        )
    if facts["nmi_true"] is not None:
        text += (
            f" NMI with the true labels, which were not used: "
            f"{facts['nmi_true']:.3f}."
        )
    if num_shown < len(sizes):
        text += f" Shown: {num_shown} of the clusters, large to small."
    return text


def _shown(table: PseudoLabelTable, limit: int) -> np.ndarray:
    """Returns clusters that have members, from the largest to the smallest."""
    sizes = np.asarray(table.facts["sizes"])
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    if len(order) <= limit:
        return order
    return order[np.linspace(0, len(order) - 1, limit).astype(int)]
