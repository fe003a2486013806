"""Items added to an index and removed from it, before and after a rebuild."""

import concurrent.futures

import numpy as np
import pytest

import keras_dvml as kd

INDEXES = {
    "exact": kd.index.ExactIndex,
    "scann": pytest.param(kd.index.ScannIndex, marks=pytest.mark.scann),
}
every_index = pytest.mark.parametrize(
    "kind", INDEXES.values(), ids=INDEXES.keys()
)


def items(num_items, seed=0, dim=8):
    random = np.random.default_rng(seed)
    return random.normal(size=(num_items, dim)).astype(np.float32)


def assert_answers_alike(index, other):
    for one, two in zip(
        index.search(items(9, seed=5), k=12),
        other.search(items(9, seed=5), k=12),
        strict=True,
    ):
        if one.dtype == object:
            assert one.tolist() == two.tolist()
        else:
            np.testing.assert_allclose(one, two, rtol=1e-5)


@every_index
def test_added_items_are_found_at_once(kind):
    index = kind.build(items(40))
    index.add(100 * items(2, seed=1), ids=["x", "y"])
    found, _ = index.search(items(2, seed=1), k=1)
    assert found.tolist() == [["x"], ["y"]]
    assert len(index) == 42 and index.ids[-2:].tolist() == ["x", "y"]


@every_index
def test_removed_items_are_never_returned(kind):
    index = kind.build(items(40))
    index.add(items(3, seed=1), ids=["x", "y", "z"])
    index.remove(["3", "17", "y"])
    found, scores = index.search(items(9, seed=5), k=40)
    assert not {"3", "17", "y"} & set(found.ravel())
    assert (found != "").all() and np.isfinite(scores).all()
    assert len(index) == 40 and "17" not in index.ids


@every_index
def test_any_changes_answer_as_an_index_built_of_the_outcome(kind):
    random = np.random.default_rng(0)
    index, outcome = kind.build(items(40)), dict(enumerate(items(40)))
    outcome = {str(number): item for number, item in outcome.items()}
    for step in range(12):
        fresh = items(5, seed=10 + step)
        names = [f"{step}-{number}" for number in range(5)]
        index.add(fresh, names)
        outcome.update(zip(names, fresh, strict=True))
        gone = random.choice(sorted(outcome), 4, replace=False)
        index.remove(gone)
        for name in gone:
            del outcome[name]
        direct = kd.index.ExactIndex.build(
            list(outcome.values()), list(outcome)
        )
        assert_answers_alike(index, direct)
    assert dict(zip(index.ids, map(tuple, index.embeddings), strict=True)) == {
        name: tuple(item) for name, item in outcome.items()
    }
    rebuilt = index.rebuilt()
    assert not rebuilt.is_changed and rebuilt.ids.tolist() == list(outcome)
    assert_answers_alike(rebuilt, direct)


@every_index
def test_rows_are_filled_up_where_fewer_items_are_left(kind):
    index = kind.build(items(20))
    index.remove([str(number) for number in range(18)])
    found, scores = index.search(items(3, seed=1), k=5)
    assert found.shape == scores.shape == (3, 5)
    assert (found[:, 2:] == "").all() and np.isneginf(scores[:, 2:]).all()
    assert set(found[:, :2].ravel()) == {"18", "19"}


@every_index
def test_emptied_index_finds_nothing_and_cannot_be_rebuilt(kind):
    index = kind.build(items(2))
    index.remove(["0", "1"])
    found, _ = index.search(items(1), k=2)
    assert found.tolist() == [["", ""]] and len(index) == 0
    with pytest.raises(ValueError, match=r"received shape \(0, 8\)"):
        index.rebuilt()


@every_index
def test_removed_id_may_come_back_with_another_embedding(kind):
    index = kind.build(items(20))
    index.remove(["4"])
    index.add(-50 * items(20)[4:5], ids=["4"])
    found, scores = index.search(-items(20)[4:5], k=20)
    assert found[0].tolist().count("4") == 1 and found[0, 0] == "4"
    index.remove(["4"])
    assert "4" not in index.search(-items(20)[4:5], k=20)[0]


@every_index
def test_changes_are_saved_too(kind, tmp_path):
    index = kind.build(items(40), metric="cosine")
    index.add(items(3, seed=1), ids=["ä", "y", "z"])
    index.remove(["3", "z"])
    index.save(tmp_path / "index.npz")
    loaded = kind.load(tmp_path / "index.npz")
    assert loaded.metric == "cosine" and loaded.is_changed
    assert loaded.ids.tolist() == index.ids.tolist()
    assert_answers_alike(loaded, index)


@every_index
def test_cosine_holds_for_added_items(kind):
    index = kind.build(items(20), metric="cosine")
    index.add(1e-3 * items(1, seed=1), ids=["x"])
    found, scores = index.search(7 * items(1, seed=1), k=1)
    assert found.tolist() == [["x"]]
    np.testing.assert_allclose(scores, [[1.0]], rtol=1e-5)


@every_index
def test_changes_that_cannot_be_leave_the_index_as_it_was(kind):
    index = kind.build(items(20))
    for embeddings, ids, message in (
        (items(1), ["7"], "not be in the index already; received '7'"),
        (items(2), ["a", "a"], "unique; received 'a' 2 times"),
        (items(1, dim=4), ["a"], r"must be \(N, 8\).*received shape \(1, 4\)"),
        (np.full((1, 8), np.nan), ["a"], "must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            index.add(embeddings, ids)
    for ids, message in (
        (["1", "ghost"], "must be in the index; received 'ghost'"),
        (["1", "1"], "must be unique"),
        ("12", "sequence of str; received '12'"),
    ):
        with pytest.raises(ValueError, match=message):
            index.remove(ids)
    assert not index.is_changed and index.rebuilt() is index


@every_index
@pytest.mark.parametrize("num_queries", [1, 9])
def test_many_changes_answer_as_an_index_built_of_the_outcome(
    kind, num_queries, monkeypatch
):
    # In chunks, and where few more may be asked for than are wanted.
    monkeypatch.setattr("keras_dvml.index.best_rows._SCORES_AT_ONCE", 1 << 12)
    monkeypatch.setattr("keras_dvml.index.deeper_search._MOST_ASKED", 100)
    queries, built = items(num_queries, seed=5), items(3000)
    index = kind.build(built)
    index.add(items(2500, seed=1), [f"new {i}" for i in range(2500)])
    # All that is near the first query, of both, and half of the rest.
    near = np.argsort(-(index.embeddings @ queries[0]))[:600]
    gone = {*index.ids[near], *index.ids[::2]}
    index.remove(sorted(gone))
    left = kd.index.ExactIndex.build(index.embeddings, index.ids)
    found, scores = index.search(queries, k=30)
    right, right_scores = left.search(queries, k=30)
    np.testing.assert_allclose(scores[0], right_scores[0], rtol=1e-5)
    assert found[0].tolist() == right[0].tolist()
    assert not gone & set(found.ravel())
    assert np.mean(found == right) > 0.95
    assert index.search(queries, k=len(index))[0].shape[1] == len(index)


@every_index
def test_threads_lose_none_of_each_others_changes(kind):
    index = kind.build(items(40))

    def change(thread):
        for number in range(50):
            index.add(items(1, seed=number), [f"{thread}-{number}"])
            index.search(items(2), k=3)
        index.remove([f"{thread}-0", str(thread)])

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        list(threads.map(change, range(4)))
    assert len(index) == 40 + 4 * 50 - 8
