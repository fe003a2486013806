import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd


def gallery(num_items=60, dim=16):
    embeddings = np.random.default_rng(0).normal(size=(num_items, dim))
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


class HalfBlind(kd.index.ExactIndex):
    """Finds nothing beyond the first half of what was asked for."""

    def lookup(self, queries, k):
        rows, scores = super().lookup(queries, k)
        return tf.where(tf.range(k) < (k + 1) // 2, rows, -1), scores


def test_recall_counts_the_shared_neighbours():
    oracle = kd.index.ExactIndex.build(gallery())
    recall = kd.index.measure_recall(HalfBlind.build(gallery()), oracle, k=10)
    # Asked for 11, it finds 6: the query itself and 5 of the ten others.
    assert recall == 0.5


def test_recall_of_the_oracle_is_one():
    oracle = kd.index.ExactIndex.build(gallery())
    assert kd.index.measure_recall(oracle, oracle) == 1.0


def test_recall_does_not_depend_on_the_order_of_items():
    oracle = kd.index.ExactIndex.build(gallery(), ids=range(100, 160))
    turned = kd.index.ExactIndex.build(gallery()[::-1], ids=range(159, 99, -1))
    assert kd.index.measure_recall(turned, oracle) == 1.0


def test_queries_from_elsewhere_have_nothing_left_out():
    oracle = kd.index.ExactIndex.build(gallery())
    recall = kd.index.measure_recall(
        HalfBlind.build(gallery()), oracle, k=10, queries=gallery()[:7]
    )
    # Asked for 10, it finds 5.
    assert recall == 0.5


@pytest.mark.parametrize("num_items", [1, 2, 5])
def test_small_galleries_are_asked_for_what_they_have(num_items):
    oracle = kd.index.ExactIndex.build(gallery(num_items))
    assert kd.index.measure_recall(oracle, oracle, k=10) == 1.0


def test_near_ties_do_not_count_against_an_index():
    noise = np.random.default_rng(0).normal(size=(800, 16))
    embeddings = np.eye(16)[0] + 1e-4 * noise
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    oracle = kd.index.ExactIndex.build(embeddings)
    # In another order, sums are rounded otherwise.
    other = kd.index.ExactIndex.build(
        embeddings[::-1], ids=[str(i) for i in range(799, -1, -1)]
    )
    assert kd.index.measure_recall(other, oracle) == 1.0
