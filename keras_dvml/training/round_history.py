"""Clusterings of the same images, one after the other."""

import hashlib
import json
import logging
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import in_order
from keras_dvml.clustering import Clustering
from keras_dvml.clustering.clustering import Clusterer
from keras_dvml.clustering.points import cluster_means
from keras_dvml.training.label_round import (
    LabelRound,
    describe_round,
    new_clusters,
    next_round,
)

logger = logging.getLogger(__name__)


class RoundHistory:
    """Remembers the rounds of a training run.

    Args:
        clusterer: As for `next_round`.
        num_images: N.
        true_labels: `(N,)` array or `None`. Compared with.

    Attributes:
        clustering: `Clustering` of the latest round, or `None`.
        records: list of a `LabelRound` for each round so far.

    Raises:
        ValueError: If true labels are not one an image.
    """

    def __init__(
        self,
        clusterer: Clusterer,
        num_images: int,
        true_labels: ArrayLike | None = None,
    ) -> None:
        if true_labels is not None:
            true_labels = np.asarray(in_order(true_labels, "true_labels"))
            if true_labels.shape != (num_images,):
                raise ValueError(
                    f"true_labels must be one an image, {num_images}; received "
                    f"shape {true_labels.shape}"
                )
        self._clusterer = clusterer
        self._true_labels = true_labels
        self._digest = ""
        self._previous: Clustering | None = None
        self.clustering: Clustering | None = None
        self.records: list[LabelRound] = []

    def begin(self, embeddings: np.ndarray, epoch: int) -> None:
        """Makes the labels of a round.

        Args:
            embeddings: `(N, dim)` float32 array, of features in round 1.
            epoch: The first that trains on the labels.
        """
        previous = clustering = self._previous = self.clustering
        digest = hashlib.blake2b(embeddings.data, digest_size=16).hexdigest()
        # Equal embeddings keep their clusters: k-means that was cut short
        # would continue from where it stopped.
        if clustering is None or digest != self._digest:
            # The centroids of the first round are features.
            is_later = len(self.records) > 1
            clustering = next_round(
                embeddings, self._clusterer, previous, same_space=is_later
            )
        self.clustering, self._digest = clustering, digest
        record = describe_round(
            clustering,
            previous,
            number=len(self.records) + 1,
            epoch=epoch,
            true_labels=self._true_labels,
        )
        self.records.append(record)
        logger.info("Round %d, epoch %d: %s.", record.round, epoch, record)

    def renewed(
        self, embeddings: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns what a loss has to know of the labels that `begin` made.

        Args:
            embeddings: `(N, dim)` float32 array that they were made of.

        Returns:
            `(num_clusters,)` bool array of the ids that mean another cluster
            than before, and `(num_clusters, dim)` float32 array of the means
            of the embeddings, `None` in round 1, which has features.
        """
        assert self.clustering is not None
        is_new = new_clusters(self.clustering, self._previous)
        if len(self.records) == 1:
            return is_new, None
        assignments = self.clustering.assignments
        return is_new, cluster_means(embeddings, assignments, len(is_new))

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns what later rounds depend on."""
        records = [record._asdict() for record in self.records]
        state = {
            "digest": np.asarray(self._digest),
            "records": np.asarray(json.dumps(records)),
        }
        if self.clustering is not None:
            for name, value in self.clustering._asdict().items():
                state[name] = np.asarray(value)
        return state

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Restores what `get_state` returned."""
        self._digest = str(state["digest"])
        records = json.loads(str(state["records"]))
        self.records = [LabelRound(**record) for record in records]
        self.clustering = None
        if records:
            fields: dict[str, Any] = {
                name: state[name] for name in Clustering._fields
            }
            for name in ("inertia", "num_reseeded"):
                fields[name] = fields[name].item()
            self.clustering = Clustering(**fields)
