"""Clusterings of the same images, one after the other."""

import hashlib
import json
import logging

import numpy as np

from keras_dvml.clustering import Clustering
from keras_dvml.clustering.points import Points
from keras_dvml.training.label_round import LabelRound, describe_round

_LOGGER = logging.getLogger(__name__)


class LabelRounds:
    """Clusters embeddings, each time in view of the time before.

    Args:
        clusterer: function `(embeddings, previous) -> Clustering`, as for
            `PseudoLabels`.
        true_labels: `(N,)` array or `None`. Compared with.

    Attributes:
        clustering: `Clustering` of the latest round, or `None`.
        records: list of a `LabelRound` for each round so far.
    """

    def __init__(self, clusterer, true_labels=None):
        self._clusterer = clusterer
        self._true_labels = true_labels
        self._digest = ""
        self.clustering = None
        self.records = []

    def begin(self, embeddings, epoch):
        """Makes the labels of a round.

        Args:
            embeddings: `(N, dim)` float32 array, of features in round 0.
            epoch: int. The first that trains on the labels.
        """
        previous = self.clustering
        digest = hashlib.blake2b(embeddings, digest_size=16).hexdigest()
        # k-means that was cut short would move on from where it stopped.
        if digest != self._digest:
            self.clustering = self._cluster(embeddings, previous)
            self._digest = digest
        record = describe_round(
            *(len(self.records), epoch, self.clustering),
            *(previous, self._true_labels),
        )
        self.records.append(record)
        _LOGGER.info(
            "Round %d, epoch %d: %d clusters of %d to %d images, median %g.",
            *(record.round, epoch, record.num_clusters),
            *(record.smallest, record.largest, record.median),
        )
        if previous is not None:
            _LOGGER.info(
                "%.1f%% of the images changed cluster; NMI with the round "
                "before %.3f.",
                *(100 * record.changed, record.nmi_previous),
            )

    def _cluster(self, embeddings, previous):
        start = previous
        if len(self.records) == 1:
            # The centroids of round 0 are features.
            points = Points(embeddings, 0.0, "euclidean")
            means = points.means(previous.assignments, len(previous.sizes))
            start = previous._replace(centroids=means)
        found = self._clusterer(embeddings, start)
        if found.assignments.shape != (len(embeddings),):
            raise ValueError(
                "clusterer must assign a cluster to each of "
                f"{len(embeddings)} embeddings; received assignments of shape "
                f"{found.assignments.shape}"
            )
        if found.assignments.max() < 0:
            raise ValueError(
                f"clusterer found no cluster among {len(embeddings)} "
                "embeddings, only noise"
            )
        return found if previous is None else found.align(previous.assignments)

    def get_state(self):
        """Returns what later rounds depend on, a dict of arrays."""
        state = {
            "digest": np.asarray(self._digest),
            "records": np.asarray(
                json.dumps([record._asdict() for record in self.records])
            ),
        }
        if self.clustering is not None:
            for name, value in self.clustering._asdict().items():
                state[name] = np.asarray(value)
        return state

    def set_state(self, state):
        """Goes back to what `get_state` returned."""
        self._digest = str(state["digest"])
        records = json.loads(str(state["records"]))
        self.records = [LabelRound(**record) for record in records]
        self.clustering = None
        if records:
            fields = {name: state[name] for name in Clustering._fields}
            for name in ("inertia", "num_reseeded"):
                fields[name] = fields[name].item()
            self.clustering = Clustering(**fields)
