import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.evaluation import rank_counter, similarities


def naive_ranks(scores, query_labels, labels, without_self):
    """Sorts all items for each query; ties put other classes first."""
    for query, row in enumerate(scores):
        others = np.arange(len(row))
        if without_self:
            others = np.delete(others, query)
        same = labels[others] == query_labels[query]
        hits = same[np.lexsort((same, -row[others]))]
        ranks = 1 + np.flatnonzero(hits)
        if len(ranks):
            within = ranks[ranks <= len(ranks)]
            precision = np.sum(np.arange(1, len(within) + 1) / within)
            yield query, len(ranks), ranks[0], len(within), precision


def product(queries, embeddings):
    return tf.matmul(queries, embeddings, transpose_b=True).numpy()


def check(ranks, scores, query_labels, labels, without_self):
    expected = naive_ranks(scores, query_labels, labels, without_self)
    queries, num_positive, best, within, precision = zip(*expected, strict=True)
    np.testing.assert_array_equal(ranks.queries, queries)
    np.testing.assert_array_equal(ranks.classes, query_labels[list(queries)])
    np.testing.assert_array_equal(ranks.num_positive, num_positive)
    np.testing.assert_array_equal(ranks.best, best)
    np.testing.assert_array_equal(ranks.num_within_r, within)
    np.testing.assert_allclose(
        ranks.average_precision, np.divide(precision, num_positive)
    )
    assert ranks.num_left_out == len(query_labels) - len(queries)
    assert ranks.gallery_size == len(labels) - without_self


def embed(kind, random):
    num_items, num_classes = random.integers(100, 400), random.integers(2, 60)
    labels = random.integers(0, num_classes, num_items)
    if kind == "ties":
        return random.integers(-1, 2, (num_items, 3)).astype("f"), labels
    spread = {"easy": 3.0, "hard": 0.5, "chance": 0.0, "copies": 1.0}[kind]
    centres = random.normal(size=(num_classes, 16))
    embeddings = spread * centres[labels] + random.normal(size=(num_items, 16))
    if kind == "copies":
        # A third of the items are copies of others, whatever their class.
        copies = random.integers(0, num_items, (2, num_items // 3))
        embeddings[copies[0]] = embeddings[copies[1]]
    return embeddings.astype("f"), labels


KINDS = ["ties", "easy", "hard", "chance", "copies"]


@pytest.fixture(params=["one part", "parts", "large classes"])
def small_parts(request, monkeypatch):
    """Lets small inputs take the ways that large ones take."""
    if request.param != "one part":
        monkeypatch.setattr(similarities, "_PART", 64)
    if request.param == "large classes":
        monkeypatch.setattr(similarities, "_POSITIVES_AT_ONCE", 0)
        monkeypatch.setattr(similarities, "_OWN_AT_ONCE", 500)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_ranks_equal_a_full_sort(kind, seed, small_parts):
    embeddings, labels = embed(kind, np.random.default_rng(seed))
    ranks = kd.evaluation.positive_ranks(embeddings, labels)
    scores = product(embeddings, embeddings)
    check(ranks, scores, labels, labels, without_self=True)


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_in_a_gallery_equal_a_full_sort(kind, small_parts):
    random = np.random.default_rng(0)
    embeddings, labels = embed(kind, random)
    # Some queries are copies of items, some are of classes without any.
    queries = embeddings[random.integers(0, len(labels), 150)]
    query_labels = random.integers(0, labels.max() + 3, 150)
    ranks = kd.evaluation.positive_ranks(
        embeddings, labels, (queries, query_labels)
    )
    scores = product(queries, embeddings)
    check(ranks, scores, query_labels, labels, without_self=False)


def test_ranks_of_several_real_parts_equal_a_full_sort():
    random = np.random.default_rng(0)
    labels = random.integers(0, 900, 4500)
    centres = random.normal(size=(900, 24))
    embeddings = centres[labels] + random.normal(size=(4500, 24))
    embeddings = embeddings.astype("f")
    ranks = kd.evaluation.positive_ranks(embeddings, labels)
    scores = product(embeddings, embeddings)
    check(ranks, scores, labels, labels, without_self=True)


@pytest.mark.parametrize("num_classes", [2, 7, 40, 400])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_ranks_among_large_classes_equal_a_full_sort(num_classes, spread):
    # Where R is a large share of all items nearly every negative is found;
    # without a spread the nearest items are of any class.
    random = np.random.default_rng(num_classes)
    labels = random.integers(0, num_classes, 1700)
    centres = spread * random.normal(size=(num_classes, 24))
    embeddings = centres[labels] + random.normal(size=(1700, 24))
    # A tenth of the items are copies of others, whatever their class.
    copies = random.integers(0, 1700, (2, 170))
    embeddings[copies[0]] = embeddings[copies[1]]
    embeddings = embeddings.astype("f")
    ranks = kd.evaluation.positive_ranks(embeddings, labels)
    scores = product(embeddings, embeddings)
    check(ranks, scores, labels, labels, without_self=True)


def test_a_part_without_any_positive_is_left_out(monkeypatch):
    monkeypatch.setattr(similarities, "_PART", 8)
    random = np.random.default_rng(0)
    # 20 classes of one item, between two of four.
    labels = np.concatenate([np.zeros(4), np.arange(1, 21), np.full(4, 21)])
    embeddings = random.normal(size=(28, 3)).astype("f")
    ranks = kd.evaluation.positive_ranks(embeddings, labels)
    scores = product(embeddings, embeddings)
    check(ranks, scores, labels, labels, without_self=True)
    assert ranks.num_left_out == 20


def test_zeros_of_either_sign_are_equal():
    positive = np.zeros(1, int), np.zeros(1, np.float32)
    counter = rank_counter.RankCounter(*positive, num_queries=1)
    counter.add(np.array([[-0.0, -1.0]], np.float32))
    # -0 ties with the positive's 0 and so comes before it.
    assert counter.result()[1].tolist() == [2]


def test_a_copy_of_another_class_comes_before_the_same_class():
    # Far apart in the order of classes, so that blocks of all shapes, and
    # places in them, score the copies: the product must not tell them apart.
    random = np.random.default_rng(0)
    items = random.normal(size=(2500, 37)).astype("f")
    embeddings = np.concatenate([items, items])
    labels = np.concatenate([np.arange(2500) // 2, 1250 + np.arange(2500) // 2])
    ranks = kd.evaluation.positive_ranks(embeddings, labels)
    # The one positive of each query has a copy in another class.
    assert (ranks.num_within_r == 0).all()
    assert (ranks.best > 1).all()


def test_queries_alone_in_their_class_are_left_out():
    ranks = kd.evaluation.positive_ranks(
        [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], [0, 0, 1]
    )
    assert ranks.queries.tolist() == [0, 1]
    assert ranks.best.tolist() == [1, 1]
    assert ranks.num_left_out == 1


def test_ranks_do_not_depend_on_the_order_of_items():
    random = np.random.default_rng(0)
    embeddings, labels = embed("hard", random)
    order = random.permutation(len(labels))
    ranks = kd.evaluation.positive_ranks(embeddings, labels)
    moved = kd.evaluation.positive_ranks(embeddings[order], labels[order])
    everyone = np.full(len(labels), -1)
    everyone[ranks.queries] = ranks.best
    np.testing.assert_array_equal(moved.best, everyone[order][moved.queries])


@pytest.mark.slow
def test_memory_does_not_grow_as_the_square(run_forked):
    code = """
import numpy as np
import keras_dvml as kd

# Not `getrusage`, which begins with the peak of the process that forked.
def peak():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024

random = np.random.default_rng(0)
labels = random.integers(0, 6000, 30000)
embeddings = random.normal(size=(30000, 16)).astype("f")
def count(number):
    kd.evaluation.positive_ranks(
        embeddings[:number], labels[:number], progress=False
    )

count(5000)
before = peak()
count(30000)
print(peak() - before)
"""
    # All similarities would take 3433 MiB.
    assert float(run_forked(code)) < 300
