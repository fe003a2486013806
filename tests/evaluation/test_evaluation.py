import json
import logging

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.evaluation import progress


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
    reciprocal = []
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
        reciprocal.append(1 / (1 + hits.index(True)))
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
        "mrr": np.mean(reciprocal),
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


def test_scores_may_leave_out_the_clustering():
    embeddings, labels = clustered()
    every = kd.evaluation.evaluate_retrieval(embeddings, labels, (1,))
    some = kd.evaluation.evaluate_retrieval(
        embeddings, labels, (1,), clustering=False
    )
    names = ["recall@1", "map@r", "r_precision", "mrr"]
    assert some == {name: every[name] for name in names}
    assert some.clusters is None


def test_left_out_queries_are_counted_and_logged(caplog):
    caplog.set_level(logging.INFO)
    # The sizes repeat 1, 2, 3, 7: of 12 classes 3 have a single item.
    scores = kd.evaluation.evaluate_retrieval(*clustered(), (1,))
    assert scores.num_left_out == 3
    assert "3 of 39 queries are left out" in caplog.text


def test_scores_are_a_dict_for_json():
    scores = kd.evaluation.evaluate_retrieval(*clustered(), (1,))
    assert json.loads(json.dumps(scores)) == scores


def test_queries_are_looked_up_in_a_gallery():
    # Gallery b a b; the first query is nearest to b, then a, then b.
    gallery = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], ["b", "a", "b"]
    queries = [[1.0, 0.1], [0.0, 1.0], [1.0, 0.0]], ["a", "b", "c"]
    scores = kd.evaluation.evaluate_retrieval(
        *gallery, (1, 2, 3), queries=queries, clustering=False
    )
    # Query a: R = 1, rank 2. Query b: R = 2, ranks 1 and 3. Query c: left out.
    assert scores.num_left_out == 1
    assert scores == {
        "recall@1": 0.5,
        "recall@2": 1.0,
        "recall@3": 1.0,
        "map@r": (0 + 1 / 2) / 2,
        "r_precision": (0 + 1 / 2) / 2,
        "mrr": (1 / 2 + 1) / 2,
    }


def test_a_gallery_does_not_leave_out_the_query():
    embeddings, labels = clustered()
    scores = kd.evaluation.evaluate_retrieval(
        embeddings, labels, (1,), (embeddings, labels)
    )
    # Each query finds itself at rank 1, so no class is alone either.
    assert scores["recall@1"] == 1.0
    assert scores.num_left_out == 0


def test_clustering_scores_beside_a_gallery_are_those_of_the_queries():
    embeddings, labels = clustered()
    scores = kd.evaluation.evaluate_retrieval(
        *clustered(seed=1), (1,), (embeddings, labels)
    )
    expected = kd.evaluation.clustering_scores(embeddings, labels)
    assert {name: scores[name] for name in expected} == expected


def datasets(embeddings, labels):
    """The same data in all the ways that a data set may hold it."""
    make = tf.data.Dataset.from_tensor_slices
    yield make((embeddings, labels)).batch(7), None
    yield make((embeddings, labels)), None
    yield make(embeddings).batch(7), make(labels)
    yield make(embeddings).batch(7), labels


def test_data_sets_and_memory_maps_score_as_arrays_do(tmp_path):
    embeddings, labels = clustered()
    evaluate = kd.evaluation.evaluate_retrieval
    expected = evaluate(embeddings, labels, (1,))
    for dataset, own_labels in datasets(embeddings, labels):
        assert evaluate(dataset, own_labels, (1,)) == expected
        pairs = dataset if own_labels is None else (dataset, own_labels)
        assert evaluate(*clustered(seed=1), (1,), pairs) == evaluate(
            *clustered(seed=1), (1,), (embeddings, labels)
        )
    np.save(tmp_path / "embeddings.npy", embeddings)
    mapped = np.load(tmp_path / "embeddings.npy", mmap_mode="r")
    assert evaluate(mapped, labels, (1,)) == expected


def test_data_set_that_shuffles_anew_each_pass_is_read_once():
    labels = np.repeat(np.arange(10), 10)
    embeddings = np.eye(10, dtype=np.float32)[labels]
    pairs = tf.data.Dataset.from_tensor_slices((embeddings, labels))
    shuffled = pairs.shuffle(100).batch(16)
    evaluate = kd.evaluation.evaluate_retrieval
    # Each class is a point of its own: whatever is asked is found.
    assert evaluate(shuffled, ks=(1,))["recall@1"] == 1
    assert evaluate(shuffled, None, (1,), shuffled)["map@r"] == 1
    assert kd.evaluation.clustering_scores(shuffled)["nmi"] == 1
    threshold = kd.evaluation.calibrate_match_threshold(shuffled)
    assert threshold.true_match_rate == 1
    threshold = kd.evaluation.calibrate_match_threshold(
        shuffled, gallery=shuffled
    )
    assert threshold.true_match_rate == 1


def test_data_set_that_can_be_read_once_is_enough():
    embeddings, labels = clustered()
    pairs = iter(list(zip(embeddings, labels.astype(str), strict=True)))
    dataset = tf.data.Dataset.from_generator(
        lambda: pairs,
        output_signature=(
            tf.TensorSpec(embeddings.shape[1:]),
            tf.TensorSpec((), tf.string),
        ),
    )
    evaluate = kd.evaluation.evaluate_retrieval
    assert evaluate(dataset, ks=(1,)) == evaluate(embeddings, labels, (1,))


def test_columns_of_tables_are_read_by_place():
    embeddings, labels = clustered()
    table = pd.DataFrame({"label": labels}).sample(frac=1, random_state=0)
    rows = table.index.to_numpy()
    by_name = dict(zip(map(str, rows), embeddings[rows], strict=True))
    evaluate = kd.evaluation.evaluate_retrieval
    expected = evaluate(embeddings[rows], labels[rows], (1,))
    for given in (
        (pd.DataFrame(embeddings).loc[rows], table.label),
        (by_name.values(), table.label.astype("Int64")),
        (by_name.values(), dict(zip(rows, labels[rows], strict=True)).values()),
    ):
        assert evaluate(*given, (1,)) == expected
    with pytest.raises(ValueError, match="labels must be a sequence.* a set"):
        evaluate(embeddings, set(labels), (1,))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_float_types_are_scored_as_float32(dtype):
    embeddings, labels = clustered()
    embeddings = embeddings.astype("float16")
    evaluate = kd.evaluation.evaluate_retrieval
    assert evaluate(embeddings.astype(dtype), labels, (1,)) == evaluate(
        embeddings.astype("float32"), labels, (1,)
    )


def test_long_work_shows_a_bar_that_can_be_switched_off(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS_WITHOUT", -1.0)
    kd.evaluation.evaluate_retrieval(*clustered(), (1,), progress=False)
    assert capsys.readouterr().out == ""
    kd.evaluation.evaluate_retrieval(*clustered(), (1,))
    assert "1/1" in capsys.readouterr().out


def test_short_work_shows_nothing(capsys):
    kd.evaluation.evaluate_retrieval(*clustered(), (1,))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("clustering", [True, False])
def test_names_of_the_scores_are_known_beforehand(clustering):
    scores = kd.evaluation.evaluate_retrieval(
        *clustered(), (1, 4), clustering=clustering
    )
    assert list(scores) == kd.evaluation.score_names((1, 4), clustering)


def test_labels_may_be_any_ids():
    embeddings, labels = clustered()
    names = np.array([f"class {label:02}" for label in labels])
    expected = kd.evaluation.evaluate_retrieval(embeddings, labels, (1,))
    actual = kd.evaluation.evaluate_retrieval(embeddings, names, (1,))
    assert actual == pytest.approx(expected)


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
        ([[1.0], [np.nan]], [0, 0], (1,), "NaN, infinity.*1 of 2 rows.*row 1"),
        (np.ones((0, 3)), [], (1,), r"received shape \(0, 3\)"),
        (np.ones(3), [0, 0, 0], (1,), r"received shape \(3,\)"),
        (np.ones((3, 2)), [0, 0], (1,), r"3 embeddings; received shape \(2,\)"),
        (np.ones((3, 2)), [0, 0, 1], (3,), r"k must be in 1..2.*received 3"),
        (np.ones((3, 2)), [0, 0, 1], (0,), "received 0"),
        (np.ones((3, 2)), [0, 0, 1], (1.5,), "received 1.5"),
        (
            np.ones((3, 2)),
            [0, 1, 2],
            (1,),
            "labels must give a class two items",
        ),
        (np.ones((3, 2)), np.zeros((3, 2)), (1,), r"shape \(3, 2\)"),
        (np.ones((3, 2)), [0, 0, np.nan], (1,), "labels .* NaN .* row 2"),
        (np.ones((3, 2)), None, (1,), "received no labels"),
        ([["a"], ["b"]], [0, 0], (1,), "must be real numbers; received <U1"),
        ([[1e300], [1.0]], [0, 0], (1,), "must be finite.*row 0"),
        (
            [[1.0], [1e30]],
            [0, 0],
            (1,),
            "no longer than 1.8e19.*first in row 1",
        ),
    ],
)
def test_bad_input_is_named(embeddings, labels, ks, message):
    with pytest.raises(ValueError, match=message):
        kd.evaluation.evaluate_retrieval(embeddings, labels, ks)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (([[1.0, np.nan]], [0]), "queries must be finite"),
        (([[1.0]], [0]), r"queries must be \(N, 2\)"),
        (([[1.0, 0.0]], [0, 1]), r"1 queries; received shape \(2,\)"),
        (([[1.0, 0.0]], ["a"]), "must be of one kind; received int64 and <U1"),
        (([[1.0, 0.0]], [7]), "classes that the gallery has; received none"),
        (([[1.0, 0.0]], [0], [0]), "received 3 parts"),
        ((np.ones((0, 2)), []), r"queries must be .* received shape \(0, 2\)"),
    ],
)
def test_bad_queries_are_named(queries, message):
    with pytest.raises(ValueError, match=message):
        kd.evaluation.evaluate_retrieval(np.eye(2), [0, 1], (1,), queries)


def test_k_may_be_the_whole_gallery_beside_queries():
    arguments = np.eye(2), [0, 1], (2,), (np.eye(2), [0, 1])
    assert kd.evaluation.evaluate_retrieval(*arguments)["recall@2"] == 1.0
    with pytest.raises(ValueError, match=r"k must be in 1..2, .*received 3"):
        kd.evaluation.evaluate_retrieval(*arguments[:2], (3,), arguments[3])


@pytest.mark.parametrize(
    ("dataset", "labels", "message"),
    [
        (lambda data: data.repeat(), None, "a data set that ends"),
        (lambda data: data.take(0), None, "must not be empty"),
        (lambda data: data, [0, 1], r"a data set of \(embeddings, labels\)"),
        (
            lambda data: data.map(lambda e, n: {"embedding": e, "label": n}),
            None,
            r"data set of \(embeddings, labels\).* received .*'label'",
        ),
        (
            lambda data: data.map(lambda e, n: (e, {"label": n})),
            None,
            r"data set of \(embeddings, labels\)",
        ),
        (lambda data: data.map(lambda e, _: e), None, "received no labels"),
    ],
)
def test_bad_data_sets_are_named(dataset, labels, message):
    pairs = tf.data.Dataset.from_tensor_slices((np.eye(2), [0, 0])).batch(2)
    with pytest.raises(ValueError, match=message):
        kd.evaluation.evaluate_retrieval(dataset(pairs), labels, (1,))


def test_labels_of_a_data_set_of_dictionaries_are_named():
    labels = tf.data.Dataset.from_tensor_slices({"label": [0, 0]})
    with pytest.raises(ValueError, match="labels of a data set must be"):
        kd.evaluation.evaluate_retrieval(np.eye(2), labels, (1,))
