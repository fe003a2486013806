import numpy as np
import pytest

import keras_dvml as kd


def clustered(num_classes=12, sizes=(1, 2, 3, 7), dim=8, seed=0):
    """Unit vectors around class centres; some classes have one item."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), np.resize(sizes, num_classes))
    random.shuffle(labels)
    centres = random.normal(size=(num_classes, dim))
    embeddings = centres[labels] + 0.8 * random.normal(size=(len(labels), dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32), labels


def naive_scores(embeddings, labels, ks):
    """The definitions, one query at a time; ties put other classes first."""
    recall, average_precision, precision = {k: [] for k in ks}, [], []
    for query in range(len(labels)):
        others = [i for i in range(len(labels)) if i != query]
        others.sort(
            key=lambda i: (
                -float(np.dot(embeddings[query], embeddings[i])),
                labels[i] == labels[query],
            )
        )
        hits = [labels[i] == labels[query] for i in others]
        num_positive = sum(hits)
        if not num_positive:
            continue
        for k in ks:
            recall[k].append(any(hits[:k]))
        precision.append(sum(hits[:num_positive]) / num_positive)
        average_precision.append(
            sum(
                sum(hits[: i + 1]) / (i + 1)
                for i in range(num_positive)
                if hits[i]
            )
            / num_positive
        )
    return {
        **{f"recall@{k}": np.mean(recall[k]) for k in ks},
        "map@r": np.mean(average_precision),
        "r_precision": np.mean(precision),
    }


@pytest.mark.parametrize("seed", range(4))
def test_retrieval_scores_equal_a_naive_loop(seed):
    embeddings, labels = clustered(seed=seed)
    scores = kd.evaluation.evaluate_retrieval(embeddings, labels, (1, 2, 5))
    for name, expected in naive_scores(embeddings, labels, (1, 2, 5)).items():
        assert scores[name] == pytest.approx(expected), name


def test_scores_with_many_ties_equal_a_naive_loop():
    random = np.random.default_rng(0)
    embeddings = random.integers(-1, 2, (60, 3)).astype(np.float32)
    labels = random.integers(0, 6, 60)
    scores = kd.evaluation.evaluate_retrieval(embeddings, labels, (1, 3))
    for name, expected in naive_scores(embeddings, labels, (1, 3)).items():
        assert scores[name] == pytest.approx(expected), name


def test_collapsed_embeddings_do_not_flatter():
    labels = np.repeat(np.arange(5), 4)
    scores = kd.evaluation.evaluate_retrieval(np.ones((20, 3)), labels, (1, 8))
    # All others tie: the 16 of other classes come first, then the 3 own.
    assert scores["recall@1"] == scores["recall@8"] == scores["map@r"] == 0.0


def test_perfect_embeddings_score_one():
    labels = np.repeat(np.arange(5), 4)
    scores = kd.evaluation.evaluate_retrieval(np.eye(5)[labels], labels, (1,))
    assert scores == {name: pytest.approx(1.0) for name in scores}


def test_names_of_the_scores_are_known_beforehand():
    embeddings, labels = clustered()
    scores = kd.evaluation.evaluate_retrieval(embeddings, labels, (1, 4))
    assert list(scores) == kd.evaluation.score_names((1, 4))


def test_queries_alone_in_their_class_are_left_out():
    embeddings = [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]
    ranks, queries = kd.evaluation.positive_ranks(embeddings, [0, 0, 1])
    assert queries.tolist() == [0, 1]
    assert [one.tolist() for one in ranks] == [[1], [1]]


def test_labels_may_be_any_ids():
    embeddings, labels = clustered()
    names = np.array([f"class {label:02}" for label in labels])
    expected = kd.evaluation.evaluate_retrieval(embeddings, labels, (1,))
    actual = kd.evaluation.evaluate_retrieval(embeddings, names, (1,))
    assert actual == pytest.approx(expected)


def test_pairwise_f1_equals_counting_pairs():
    random = np.random.default_rng(0)
    labels, clusters = random.integers(0, 4, (2, 40))
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


def test_neighbours_equal_a_full_sort():
    embeddings, _ = clustered(num_classes=30)
    indices, scores = kd.evaluation.nearest_neighbors(embeddings, 5)
    similarity = embeddings @ embeddings.T
    np.fill_diagonal(similarity, -np.inf)
    np.testing.assert_array_equal(
        indices, np.argsort(-similarity, axis=1)[:, :5]
    )
    np.testing.assert_allclose(
        scores, -np.sort(-similarity, axis=1)[:, :5], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("embeddings", "labels", "ks", "message"),
    [
        ([[1.0], [np.nan]], [0, 0], (1,), "NaN or infinity.*row 1"),
        (np.ones((0, 3)), [], (1,), r"received shape \(0, 3\)"),
        (np.ones(3), [0, 0, 0], (1,), r"received shape \(3,\)"),
        (np.ones((3, 2)), [0, 0], (1,), "3 embeddings but 2 labels"),
        (np.ones((3, 2)), [0, 0, 1], (3,), r"k must be in 1..2.*received 3"),
        (np.ones((3, 2)), [0, 0, 1], (0,), "received 0"),
        (np.ones((3, 2)), [0, 1, 2], (1,), "no class has two items"),
    ],
)
def test_bad_input_is_named(embeddings, labels, ks, message):
    with pytest.raises(ValueError, match=message):
        kd.evaluation.evaluate_retrieval(embeddings, labels, ks)
