"""What a PseudoLabels artifact holds, written and read."""

import csv
import io
import json
import os
from typing import Any, NamedTuple

import numpy as np
from tfx.dsl.io import fileio
from tfx.utils import io_utils

LABELS_FILE = "pseudo_labels.csv"
FACTS_FILE = "clusters.json"
CENTROIDS_FILE = "centroids.npy"

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
    for name, content in (
        (LABELS_FILE, rows.getvalue().encode()),
        (CENTROIDS_FILE, packed.getvalue()),
    ):
        with fileio.open(os.path.join(uri, name), "wb") as stream:
            stream.write(content)
    io_utils.write_string_file(
        os.path.join(uri, FACTS_FILE), json.dumps(table.facts, indent=1)
    )


def read_pseudo_labels(uri: str) -> PseudoLabelTable:
    """Reads what `write_pseudo_labels` wrote.

    Args:
        uri: of the artifact.
    """
    with fileio.open(os.path.join(uri, LABELS_FILE), "rb") as stream:
        text = io.StringIO(stream.read().decode(), newline="")
    _, *rows = csv.reader(text)
    ids, clusters, _, distances = zip(*rows, strict=True)
    with fileio.open(os.path.join(uri, CENTROIDS_FILE), "rb") as stream:
        centroids = np.load(io.BytesIO(stream.read()))
    with fileio.open(os.path.join(uri, FACTS_FILE), "r") as stream:
        facts = json.loads(stream.read())
    return PseudoLabelTable(
        ids=np.asarray(ids),
        clusters=np.asarray(clusters, np.int64),
        distances=np.asarray(distances, np.float32),
        centroids=centroids,
        facts=facts,
    )
