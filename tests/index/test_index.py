"""The contract of an index, kept by each of them."""

import numpy as np
import pandas as pd
import pytest

import keras_dvml as kd

INDEXES = {
    "exact": kd.index.ExactIndex,
    "scann": pytest.param(kd.index.ScannIndex, marks=pytest.mark.scann),
}
every_index = pytest.mark.parametrize(
    "kind", INDEXES.values(), ids=INDEXES.keys()
)


def gallery(num_items=60, dim=16, seed=0):
    random = np.random.default_rng(seed)
    embeddings = random.normal(size=(num_items, dim)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings


@every_index
def test_neighbours_equal_a_full_sort(kind):
    embeddings = gallery()
    ids = [f"item-{number}-é" for number in range(60)]
    queries = gallery(num_items=7, seed=1)
    found, scores = kind.build(embeddings, ids).search(queries, k=5)
    similarity = queries @ embeddings.T
    order = np.argsort(-similarity, axis=1)[:, :5]
    assert found.tolist() == np.array(ids)[order].tolist()
    np.testing.assert_allclose(
        scores, np.take_along_axis(similarity, order, axis=1), rtol=1e-5
    )


@every_index
def test_ids_may_be_a_column_or_the_keys_of_a_dictionary(kind):
    table = pd.DataFrame({"id": [f"{number}.png" for number in range(60)]})
    table = table.sample(frac=1, random_state=0)
    by_id = dict(zip(table.id, gallery(), strict=True))
    for embeddings, ids in (
        (gallery(), table.id),
        (by_id.values(), by_id.keys()),
    ):
        index = kind.build(embeddings, ids)
        found, _ = index.search(gallery(), k=1)
        assert found[:, 0].tolist() == table.id.tolist()
        index.remove(table.id[table.id != "7.png"])
        assert len(index) == 1


@every_index
def test_ids_are_row_numbers_by_default(kind):
    embeddings = gallery()
    found, _ = kind.build(embeddings).search(embeddings[:3], k=1)
    assert found.tolist() == [["0"], ["1"], ["2"]]


@every_index
def test_one_query_and_the_whole_gallery(kind):
    index = kind.build(gallery())
    found, scores = index.search(gallery()[0], k=60)
    assert found.shape == scores.shape == (1, 60)
    assert sorted(found[0], key=int) == [str(i) for i in range(60)]


@every_index
def test_index_comes_back_from_its_file(kind, tmp_path):
    index = kind.build(gallery(), ids=[f"ü{i}" for i in range(60)])
    index.save(tmp_path / "index.npz")
    loaded = kind.load(tmp_path / "index.npz")
    for one, other in zip(
        index.search(gallery()), loaded.search(gallery()), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert len(loaded) == 60 and loaded.dim == 16
    assert [path.name for path in tmp_path.iterdir()] == ["index.npz"]


@every_index
def test_stored_embeddings_can_be_read_back(kind):
    np.testing.assert_array_equal(kind.build(gallery()).embeddings, gallery())


@every_index
@pytest.mark.parametrize(
    ("embeddings", "ids", "message"),
    [
        (np.ones((0, 4)), None, r"received shape \(0, 4\)"),
        (np.full((2, 4), np.nan), None, "must be finite.*2 of 2 rows"),
        (np.diag([1, 1e30]), None, "no longer than 1.8e19.*row 1"),
        (np.ones((2, 4)), ["a", "a"], "unique; received 'a' 2 times"),
        (np.ones((2, 4)), ["a"], r"2 embeddings; received shape \(1,\)"),
        (np.ones((2, 4)), ["a", ""], "must not be empty; received '' in row 1"),
    ],
)
def test_bad_galleries_are_named(kind, embeddings, ids, message):
    with pytest.raises(ValueError, match=message):
        kind.build(embeddings, ids)


@every_index
def test_bad_queries_are_named(kind):
    index = kind.build(gallery())
    with pytest.raises(ValueError, match=r"k must be in 1..60.*received 61"):
        index.search(gallery()[:1], k=61)
    with pytest.raises(ValueError, match=r"\(Q, 16\); received shape \(1, 3\)"):
        index.search(np.ones((1, 3)))
    with pytest.raises(ValueError, match="NaN"):
        index.search(np.full((1, 16), np.nan))
    # Their products overflow: inf - inf is NaN, which ScaNN may not survive.
    with pytest.raises(ValueError, match="queries.*1.8e19;.*first in row 1"):
        index.search(np.stack([np.ones(16), np.full(16, 3e38)]))
    # Long, and all of them together too long for a sum of squares.
    assert index.search(np.full((20, 16), 4e18), k=1)[0].shape == (20, 1)


@every_index
def test_cosine_compares_directions_alone(kind):
    lengths = np.linspace(0.1, 9.0, 60, dtype=np.float32)[:, None]
    index = kind.build(gallery() * lengths, metric="cosine")
    queries = gallery(num_items=7, seed=1)
    found, scores = index.search(100 * queries, k=5)
    similarity = queries @ gallery().T
    order = np.argsort(-similarity, axis=1)[:, :5]
    assert found.tolist() == order.astype(str).tolist()
    np.testing.assert_allclose(
        scores, np.take_along_axis(similarity, order, axis=1), rtol=1e-5
    )
    _, in_graph = index.lookup(np.float32(100) * queries, 5)
    np.testing.assert_allclose(in_graph, scores, rtol=1e-5)


@every_index
def test_metric_that_cannot_be_is_named(kind):
    with pytest.raises(ValueError, match="dot_product, cosine; received 'l2'"):
        kind.build(gallery(), metric="l2")
    with pytest.raises(ValueError, match="not be zero.*in row 1"):
        kind.build([[1.0, 0.0], [0.0, 0.0]], metric="cosine")


@every_index
def test_index_reports_what_it_is(kind):
    index = kind.build(gallery(), metric="cosine")
    index.add(gallery(1, seed=1), ids=["new"])
    shown = f"{kind.__name__}(size=61, dim=16, metric='cosine', "
    assert repr(index).startswith(shown)


@every_index
def test_index_of_one_item_answers(kind):
    found, scores = kind.build([[0.0, 2.0]]).search([[1.0, 3.0]], k=1)
    assert found.tolist() == [["0"]]
    np.testing.assert_allclose(scores, [[6.0]])


@every_index
def test_no_queries_get_no_answers(kind):
    found, scores = kind.build(gallery()).search(np.ones((0, 16)), k=3)
    assert found.shape == scores.shape == (0, 3)


def test_file_of_another_kind_is_refused(tmp_path):
    class OtherIndex(kd.index.ExactIndex):
        pass

    kd.index.ExactIndex.build(gallery()).save(tmp_path / "index.npz")
    with pytest.raises(
        ValueError, match="saved OtherIndex; received ExactIndex"
    ):
        OtherIndex.load(tmp_path / "index.npz")


@every_index
@pytest.mark.parametrize("content", ["cut", "text", "empty", "array", "other"])
def test_file_that_is_no_whole_index_is_named(content, kind, tmp_path):
    path = tmp_path / "index.npz"
    kind.build(gallery()).save(path)
    if content == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif content == "array":
        with open(path, "wb") as file:
            np.save(file, np.eye(3))
    elif content == "other":
        np.savez(path, embeddings=np.eye(3))
    else:
        path.write_bytes(b"<html>" if content == "text" else b"")
    with pytest.raises(ValueError, match=r"received .*index.npz, which cannot"):
        kind.load(path)


@every_index
@pytest.mark.parametrize("k", [5.0, "5", None])
def test_k_that_is_no_integer_is_named(k, kind):
    with pytest.raises(ValueError, match=f"k must be in 1..60, .*{k}"):
        kind.build(gallery()).search(gallery()[0], k=k)
