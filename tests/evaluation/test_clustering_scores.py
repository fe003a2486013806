import time

import numpy as np
import pytest
from sklearn import metrics

import keras_dvml as kd


def grouped(num_items, num_classes, num_clusters, seed=0):
    """Labels, and clusters that half know them."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, num_classes, num_items)
    clusters = random.integers(0, num_clusters, num_items)
    return labels, np.where(random.random(num_items) < 0.5, labels, clusters)


CASES = [(40, 4, 5), (500, 40, 50), (6, 1, 3), (300, 200, 20), (400, 2, 390)]


@pytest.mark.parametrize("case", CASES)
def test_mutual_information_equals_scikit_learn(case):
    labels, clusters = grouped(*case)
    assert kd.evaluation.nmi(labels, clusters) == pytest.approx(
        metrics.normalized_mutual_info_score(labels, clusters), abs=1e-9
    )
    assert kd.evaluation.ami(labels, clusters) == pytest.approx(
        metrics.adjusted_mutual_info_score(labels, clusters), abs=1e-9
    )


@pytest.mark.parametrize(
    ("labels", "clusters"),
    [
        ([0, 1, 2], [2, 0, 1]),
        ([0, 0, 0], [1, 1, 1]),
        ([0, 1, 2], [0, 0, 0]),
        ([0, 0, 1, 1], [0, 1, 0, 1]),
        ([0], [0]),
    ],
)
def test_extreme_groupings_score_as_in_scikit_learn(labels, clusters):
    assert kd.evaluation.nmi(labels, clusters) == pytest.approx(
        metrics.normalized_mutual_info_score(labels, clusters)
    )
    assert kd.evaluation.ami(labels, clusters) == pytest.approx(
        metrics.adjusted_mutual_info_score(labels, clusters)
    )


@pytest.mark.parametrize("case", CASES)
def test_pairwise_f1_equals_scikit_learns_pairs(case):
    labels, clusters = grouped(*case)
    confusion = metrics.cluster.pair_confusion_matrix(labels, clusters)
    (_, only_clusters), (only_labels, both) = confusion
    expected = 2 * both / (2 * both + only_clusters + only_labels)
    assert kd.evaluation.pairwise_f1(labels, clusters) == pytest.approx(
        expected
    )


def test_pairwise_f1_equals_counting_pairs():
    labels, clusters = np.random.default_rng(0).integers(0, 4, (2, 40))
    same_label = labels[:, None] == labels
    same_cluster = clusters[:, None] == clusters
    pairs = np.triu(np.ones((40, 40), bool), k=1)
    both = np.sum(same_label & same_cluster & pairs)
    precision = both / np.sum(same_cluster & pairs)
    recall = both / np.sum(same_label & pairs)
    expected = 2 * precision * recall / (precision + recall)
    assert kd.evaluation.pairwise_f1(labels, clusters) == pytest.approx(
        expected
    )


def test_scores_of_the_largest_test_set_take_no_time():
    # As many as Stanford Online Products has. A table of all classes and
    # clusters would take 1 GB, and scikit-learn's AMI half a minute.
    labels, clusters = grouped(60502, 11316, 11316)
    start = time.perf_counter()
    kd.evaluation.nmi(labels, clusters)
    kd.evaluation.ami(labels, clusters)
    kd.evaluation.pairwise_f1(labels, clusters)
    assert time.perf_counter() - start < 5


def test_names_of_groups_do_not_matter():
    labels, clusters = grouped(50, 4, 5)
    names = np.array(["d", "a", "c", "b"])[labels]
    for score in ("nmi", "ami", "pairwise_f1"):
        function = getattr(kd.evaluation, score)
        assert function(names, -clusters) == pytest.approx(
            function(labels, clusters)
        )


def test_separate_classes_are_found():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(30), 10)
    embeddings = np.eye(30)[labels] + 0.01 * random.normal(size=(300, 30))
    scores = kd.evaluation.clustering_scores(embeddings, labels)
    assert scores == {name: pytest.approx(1) for name in ("nmi", "ami", "f1")}


def test_collapsed_embeddings_are_scored_without_a_warning():
    labels = np.repeat(np.arange(5), 4)
    scores = kd.evaluation.clustering_scores(np.ones((20, 3)), labels)
    # A single cluster says nothing of the classes.
    assert scores["nmi"] == scores["ami"] == 0
    # All 190 pairs are in it, 5 x 6 of them rightly.
    precision = 30 / 190
    assert scores["f1"] == pytest.approx(2 * precision / (precision + 1))


def test_other_lengths_are_named():
    with pytest.raises(ValueError, match=r"3 clusters; received shape \(2,\)"):
        kd.evaluation.nmi([0, 1], [0, 1, 2])
