"""Files of indexes that are broken, or hold what `build` would refuse."""

import numpy as np
import pytest

import keras_dvml as kd


def items(num_items=40, dim=8):
    return np.random.default_rng(0).normal(size=(num_items, dim))


@pytest.fixture(scope="module")
def exact_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("exact") / "index.npz"
    index = kd.index.ExactIndex.build(items(), metric="cosine")
    index.add(items(2) + 1, ["x", "y"])
    index.save(path)
    return path


def changed(file, **changes):
    """Writes the arrays of a file with some changed, `None` for none."""
    with np.load(file) as stored:
        arrays = {**stored, **changes}
    path = file.with_name("changed.npz")
    np.savez(path, **{n: a for n, a in arrays.items() if a is not None})
    return path


def test_wherever_a_file_is_cut_or_spoilt_it_is_named(exact_file):
    content = exact_file.read_bytes()
    right = kd.index.ExactIndex.load(exact_file).search(items(3))
    path = exact_file.with_name("spoilt.npz")
    random = np.random.default_rng(0)
    places = [0, 1, *random.integers(2, len(content), 150).tolist()]
    num_refused = 0
    for number, place in enumerate(places):
        spoilt = bytearray(content)
        if number % 2:
            spoilt[place] ^= 0xFF
        else:
            del spoilt[place:]
        path.write_bytes(spoilt)
        try:
            index = kd.index.ExactIndex.load(path)
        except ValueError as error:
            assert "spoilt.npz" in str(error)
            num_refused += 1
        else:
            # A date, for example: nothing that an answer depends on.
            for one, other in zip(index.search(items(3)), right, strict=True):
                np.testing.assert_array_equal(one, other)
    assert num_refused > 120


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stored": None}, "lacks 'stored'"),
        ({"kind": None}, "lacks 'kind'"),
        ({"stored": np.ones((3, 8), np.float32)}, r"shape \(3, 8\)"),
        (
            {"stored": np.ones((3, 8), np.float32), "scales": np.ones(3)},
            "40 ids for embeddings of",
        ),
        ({"stored": np.full((40, 8), np.nan, np.float32)}, "finite"),
        ({"stored": np.ones((40, 8), np.float32)}, "not of length 1"),
        ({"stored": np.ones((40, 8), np.float64)}, "received 'float64'"),
        ({"added": np.ones((2, 3), np.float32)}, r"added ones of shape \(2, 3"),
        ({"added": np.full((2, 8), np.inf, np.float32)}, "finite"),
        ({"removed": np.zeros(3, bool)}, r"marks of removal of shape \(3,\)"),
        ({"id_bytes": np.zeros(3, np.uint8)}, "offsets of its ids"),
        ({"metric": "l2"}, "received 'l2'"),
    ],
)
def test_what_build_refuses_is_refused(exact_file, changes, message):
    path = changed(exact_file, **changes)
    with pytest.raises(ValueError, match=f"changed.npz.*{message}"):
        kd.index.ExactIndex.load(path)


def test_repeated_and_empty_ids_are_refused(tmp_path):
    kd.index.ExactIndex.build(np.eye(2), ["a", "b"]).save(tmp_path / "i.npz")
    for letters in (b"aa", b"bb"):
        path = changed(
            tmp_path / "i.npz", id_bytes=np.frombuffer(letters, np.uint8)
        )
        with pytest.raises(ValueError, match="ids must be unique"):
            kd.index.ExactIndex.load(path)
    path = changed(tmp_path / "i.npz", id_offsets=np.array([0, 0, 2]))
    with pytest.raises(ValueError, match="ids must not be empty"):
        kd.index.ExactIndex.load(path)


@pytest.mark.scann
def test_parts_of_scann_that_do_not_fit_are_refused(tmp_path):
    kd.index.ScannIndex.build(items(2500)).save(tmp_path / "index.npz")
    with np.load(tmp_path / "index.npz") as stored:
        arrays = dict(stored)
    for name, value in (
        ("dataset", arrays["dataset"][:100]),
        ("hashed_dataset", arrays["hashed_dataset"][:-1]),
        ("datapoint_to_token", arrays["datapoint_to_token"][1:]),
    ):
        path = changed(tmp_path / "index.npz", **{name: value})
        with pytest.raises(ValueError, match="different numbers of rows"):
            kd.index.ScannIndex.load(path)
    path = changed(tmp_path / "index.npz", leaves_to_search=np.asarray(10**6))
    with pytest.raises(ValueError, match="searches 1000000 of"):
        kd.index.ScannIndex.load(path)


def test_file_that_is_not_there_is_no_broken_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        kd.index.ExactIndex.load(tmp_path / "nothing.npz")


def test_index_comes_back_from_an_object_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    index = kd.index.ExactIndex.build(items())
    index.save("ram://indexes/birds.npz")
    loaded = kd.index.ExactIndex.load("ram://indexes/birds.npz")
    np.testing.assert_array_equal(loaded.embeddings, index.embeddings)
    assert not list(tmp_path.iterdir())
