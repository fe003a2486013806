import numpy as np
import pytest

import keras_dvml as kd
from keras_dvml.index import best_rows, exact


def unit_vectors(num_items, dim=16, seed=0):
    embeddings = np.random.default_rng(seed).normal(size=(num_items, dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32)


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
@pytest.mark.parametrize("num_items", [1023, 1024, 1025, 5000])
def test_chunks_answer_as_a_full_sort(storage, num_items, monkeypatch):
    monkeypatch.setattr(best_rows, "_SCORES_AT_ONCE", 1 << 13)
    index = kd.index.ExactIndex.build(unit_vectors(num_items), storage=storage)
    queries = unit_vectors(20, seed=1)
    found, scores = index.search(queries, k=7)
    similarity = queries @ index.embeddings.T
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :7]
    np.testing.assert_allclose(
        scores, np.take_along_axis(similarity, order, axis=1), atol=1e-6
    )
    assert np.mean(found == order.astype(str)) > 0.99


def test_every_row_comes_back_when_all_are_asked_for(monkeypatch):
    monkeypatch.setattr(best_rows, "_SCORES_AT_ONCE", 1 << 12)
    index = kd.index.ExactIndex.build(unit_vectors(3000))
    found, scores = index.search(unit_vectors(4, seed=1), k=3000)
    assert all(len(set(row)) == 3000 for row in found.tolist())
    assert (np.diff(scores, axis=1) <= 0).all()


def test_many_queries_are_answered_in_parts(monkeypatch):
    monkeypatch.setattr(exact, "QUERIES_AT_ONCE", 10)
    index = kd.index.ExactIndex.build(unit_vectors(100))
    found, scores = index.search(unit_vectors(100)[:35], k=1)
    assert found.ravel().tolist() == [str(number) for number in range(35)]
    assert scores.shape == (35, 1)


@pytest.mark.parametrize(
    ("storage", "bytes_a_number"), [("float32", 4), ("float16", 2), ("int8", 1)]
)
def test_storage_is_as_small_as_it_says_also_in_a_file(
    storage, bytes_a_number, tmp_path
):
    index = kd.index.ExactIndex.build(unit_vectors(1000, 64), storage=storage)
    index.save(tmp_path / "index.npz")
    index = kd.index.ExactIndex.load(tmp_path / "index.npz")
    assert index.storage == storage
    assert index.arrays()["stored"].nbytes == 64_000 * bytes_a_number


def test_errors_of_smaller_storages_stay_in_their_bounds():
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(500, 64)) * random.gamma(1, 5, (500, 1))
    embeddings = embeddings.astype(np.float32)
    queries = random.normal(size=(50, 64)).astype(np.float32)
    lengths = np.linalg.norm(queries, axis=1)[:, None]
    bounds = {
        "float16": lengths * np.linalg.norm(embeddings, axis=1) / 2048,
        "int8": lengths * np.abs(embeddings).max(axis=1) * 8 / 254,
    }
    right = queries.astype(np.float64) @ embeddings.T
    for storage, bound in bounds.items():
        index = kd.index.ExactIndex.build(embeddings, storage=storage)
        error = np.abs(queries @ index.embeddings.T - right)
        # And what rounding of the sum itself brings.
        assert (error <= bound + 1e-6 * np.abs(bound * 254)).all()
        assert error.max() > 0


def test_recall_of_a_smaller_storage_is_measured_when_it_is_built(tmp_path):
    embeddings = unit_vectors(2000, 32)
    index = kd.index.ExactIndex.build(embeddings, storage="int8")
    oracle = kd.index.ExactIndex.build(embeddings)
    assert oracle.measured_recall() == 1.0
    recall = kd.index.measure_recall(index, oracle)
    assert 0.9 < index.measured_recall() == recall < 1.0
    index.save(tmp_path / "index.npz")
    loaded = kd.index.ExactIndex.load(tmp_path / "index.npz")
    assert loaded.measured_recall() == recall


def test_rebuilding_keeps_the_storage():
    index = kd.index.ExactIndex.build(unit_vectors(50), storage="int8")
    before = index.embeddings
    index.remove(["7"])
    rebuilt = index.rebuilt()
    assert rebuilt.storage == "int8"
    np.testing.assert_allclose(
        rebuilt.embeddings, np.delete(before, 7, axis=0), rtol=1e-6
    )


def test_zero_and_constant_embeddings_can_be_stored_in_a_byte():
    index = kd.index.ExactIndex.build([[0.0, 0.0], [3.0, 3.0]], storage="int8")
    np.testing.assert_allclose(index.embeddings, [[0, 0], [3, 3]], rtol=1e-6)


def test_storage_that_cannot_be_is_named():
    with pytest.raises(ValueError, match="float16, int8; received 'int4'"):
        kd.index.ExactIndex.build([[1.0]], storage="int4")
    with pytest.raises(ValueError, match=r"at most 65504.*received 1e\+05"):
        kd.index.ExactIndex.build([[1e5]], storage="float16")
