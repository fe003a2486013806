"""The round of UDML-SS, which callback and pipeline share."""

import json

import numpy as np
import pytest

import keras_dvml as kd
from keras_dvml.training import describe_round, next_round


def clustering_of(assignments, dim=2, **changes):
    """A `Clustering` made by hand, its centroids distinct."""
    assignments = np.asarray(assignments)
    sizes = np.bincount(assignments[assignments >= 0])
    centroids = np.arange(dim * len(sizes), dtype=np.float32).reshape(-1, dim)
    distances = np.zeros(len(assignments), np.float32)
    return kd.clustering.Clustering(
        assignments, distances, centroids, 0.5, sizes
    )._replace(**changes)


class Clusterer:
    """Returns given assignments, and keeps what it was called with."""

    def __init__(self, assignments):
        self.assignments = assignments

    def __call__(self, embeddings, previous):
        self.embeddings, self.previous = embeddings, previous
        return clustering_of(self.assignments)


EMBEDDINGS = np.float32([[0, 1], [2, 3], [4, 5], [10, 0]])


def test_first_round_has_nothing_before_it():
    clusterer = Clusterer([1, 1, 0, 0])
    found = next_round(EMBEDDINGS, clusterer)
    assert clusterer.previous is None
    assert found.assignments.tolist() == [1, 1, 0, 0]


def test_clusters_keep_the_names_of_the_round_before():
    before = clustering_of([0, 0, 1, 1])
    clusterer = Clusterer([1, 1, 0, 0])
    found = next_round(EMBEDDINGS, clusterer, before)
    assert found.assignments.tolist() == [0, 0, 1, 1]
    # The centroids are in the space of the embeddings already.
    assert clusterer.previous is before


def test_in_another_space_the_start_is_the_means_of_the_members():
    # Centroids of width 3, as features have; the last image had no cluster
    # then, and cluster 2 no member among these images.
    before = clustering_of([0, 0, 1, -1], dim=3)._replace(
        centroids=np.ones((3, 3), np.float32), sizes=np.array([2, 1, 0])
    )
    clusterer = Clusterer([0, 0, 1, 2])
    next_round(EMBEDDINGS, clusterer, before, same_space=False)
    start = clusterer.previous
    assert start.centroids.tolist() == [[1, 2], [4, 5], [0, 0]]
    assert start.assignments.tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        ([0, 1, 1], r"each of 4 embeddings.*received .*\(3,\)"),
        ([-1] * 4, "a cluster among 4 embeddings; received only noise"),
    ],
)
def test_clusterer_must_give_clusters(assignments, message):
    with pytest.raises(ValueError, match=message):
        next_round(EMBEDDINGS, Clusterer(assignments))


def test_figures_of_a_round_by_hand():
    found = clustering_of([0, 0, 0, 0, 1, 3, 3, -1, -1, -1], num_reseeded=2)
    figures = describe_round(found, number=4, epoch=15)
    assert figures._asdict() == {
        "round": 4,
        "epoch": 15,
        # Of 4, 1, 0 and 2 members.
        "num_clusters": 3,
        "smallest": 1,
        "median": 2.0,
        "largest": 4,
        "num_empty": 1,
        "num_single": 1,
        "num_noise": 3,
        "num_reseeded": 2,
        "inertia": 0.5,
        "changed": None,
        "nmi_previous": None,
        "nmi_true": None,
    }
    assert str(figures) == "3 clusters of 1 to 4 images"


def test_rounds_are_compared_with_the_one_before_and_the_true_labels():
    first = clustering_of([0, 0, 0, 1, 1, 1, 2, 2])
    second = clustering_of([0, 0, 1, 1, 1, 1, 2, 2])
    truth = ["a", "a", "b", "b", "b", "b", "c", "c"]
    figures = describe_round(second, first, number=2, true_labels=truth)
    assert figures.changed == 1 / 8
    assert figures.nmi_previous == kd.evaluation.nmi(
        first.assignments, second.assignments
    )
    assert figures.nmi_true == pytest.approx(1.0)
    assert str(figures) == (
        "3 clusters of 2 to 4 images; 12% of them changed cluster; NMI with "
        "the labels, not used: 1.000"
    )


def test_images_that_the_round_before_lacked_are_not_compared():
    first = clustering_of([0, 0, 1, -1, -1])
    second = clustering_of([0, 1, 1, 1, 0])
    known = first.assignments >= 0
    figures = describe_round(second, first, known=known)
    assert figures.changed == 1 / 3
    assert figures.nmi_previous == kd.evaluation.nmi([0, 0, 1], [0, 1, 1])
    # Noise of a round that had them all counts as a cluster.
    assert describe_round(second, first).changed == 3 / 5
    assert describe_round(second, first, known=known & False).changed is None


def test_figures_go_through_json():
    figures = describe_round(clustering_of([0, 0, 1]))
    read = json.loads(json.dumps(figures._asdict()))
    assert kd.training.LabelRound(**read) == figures


def test_figures_of_other_images_are_refused():
    with pytest.raises(
        ValueError, match="the same 3 images; received one of 2"
    ):
        describe_round(clustering_of([0, 1, 0]), clustering_of([0, 1]))
