"""What a PseudoLabels artifact holds, written and read."""

import csv
import io
from typing import Any, NamedTuple

import numpy as np

from pipelines.artifacts.files import (
    read_bytes,
    read_json,
    write_bytes,
    write_json,
)

#: What is clustered: features of the backbone, or embeddings.
FEATURES, EMBEDDINGS = "features", "embeddings"

LABELS_FILE = "pseudo_labels.csv"
_FACTS_FILE = "clusters.json"
_CENTROIDS_FILE = "centroids.npy"

_COLUMNS = ("image_id", "cluster", "round", "distance")


class PseudoLabelTable(NamedTuple):
    """One round of cluster ids.

    Attributes:
        ids: `(N,)` array of str, sorted. The images.
        clusters: `(N,)` int64 array. The cluster of each.
        distances: `(N,)` float32 array. From each to its cluster's centroid.
        centroids: `(K, dim)` float32 array.
        facts: JSON-ready dict: `round`, `space`, `metric`, `sizes`,
            `inertia`, `nmi_previous` and so on.
    """

    ids: np.ndarray
    clusters: np.ndarray
    distances: np.ndarray
    centroids: np.ndarray
    facts: dict[str, Any]

    def clusters_of(self, ids: np.ndarray) -> np.ndarray:
        """Looks images up.

        Args:
            ids: `(M,)` array of str.

        Returns:
            `(M,)` int64 array of cluster ids; -1 for an image that has none.
        """
        places = np.searchsorted(self.ids, ids)
        places = np.minimum(places, len(self.ids) - 1)
        return np.where(self.ids[places] == ids, self.clusters[places], -1)


def write_pseudo_labels(uri: str, table: PseudoLabelTable) -> None:
    """Writes a table into an artifact's folder.

    Args:
        uri: of the artifact.
        table: to be written.
    """
    rows = io.StringIO(newline="")
    writer = csv.writer(rows)
    writer.writerow(_COLUMNS)
    number = table.facts["round"]
    for image_id, cluster, distance in zip(
        table.ids, table.clusters, table.distances, strict=True
    ):
        writer.writerow((image_id, cluster, number, f"{distance:.6g}"))
    packed = io.BytesIO()
    np.save(packed, table.centroids)
    write_bytes(uri, LABELS_FILE, rows.getvalue().encode())
    write_bytes(uri, _CENTROIDS_FILE, packed.getvalue())
    write_json(uri, _FACTS_FILE, table.facts)


def read_pseudo_labels(uri: str) -> PseudoLabelTable:
    """Reads what `write_pseudo_labels` wrote.

    Args:
        uri: of the artifact.
    """
    text = io.StringIO(read_bytes(uri, LABELS_FILE).decode(), newline="")
    _, *rows = csv.reader(text)
    ids, clusters, _, distances = zip(*rows, strict=True)
    return PseudoLabelTable(
        ids=np.asarray(ids),
        clusters=np.asarray(clusters, np.int64),
        distances=np.asarray(distances, np.float32),
        centroids=np.load(io.BytesIO(read_bytes(uri, _CENTROIDS_FILE))),
        facts=read_json(uri, _FACTS_FILE),
    )
