"""Ids of any length, from whatever holds text, in memory and in files."""

import os

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.index.text_ids import packed, text_ids, unpacked


def build(ids):
    return kd.index.ExactIndex.build(np.eye(2), ids)


@pytest.mark.parametrize(
    "ids",
    [
        ["café.png", "b.png"],
        ("café.png", "b.png"),
        np.array(["café.png", "b.png"]),
        ["café.png".encode(), b"b.png"],
        ["café.png".encode(), "b.png"],
        tf.constant(["café.png", "b.png"]),
        tf.constant(["café.png", "b.png"]).numpy(),
    ],
)
def test_ids_come_as_text_or_as_bytes(ids):
    assert build(ids).ids.tolist() == ["café.png", "b.png"]


def test_numbers_are_ids_too():
    for ids in (range(5, 7), [5, 6], np.array([5, 6])):
        assert build(ids).ids.tolist() == ["5", "6"]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", None], "text; received None in row 1"),
        ([float("nan"), "a"], "text; received nan in row 0"),
        (np.array(["a", np.nan], object), "text; received nan in row 1"),
        ([["a"], ["b"]], "text; received .* in row 0"),
        (np.array([["a"], ["b"]]), r"received shape \(2, 1\)"),
        ([b"caf\xe9", b"b"], r"UTF-8; received b'caf\\xe9' in row 0"),
        (["a", "caf\udce9"], r"UTF-8 can write; received .* in row 1"),
        ("ab", "sequence of str; received 'ab'"),
    ],
)
def test_what_is_no_text_is_named_with_its_place(ids, message):
    with pytest.raises(ValueError, match=message):
        build(ids)


def test_one_long_id_costs_its_own_length(tmp_path):
    long = "https://bucket/" + "x" * 10**6 + "é\0"
    ids = [long, *map(str, range(999))]
    index = kd.index.ExactIndex.build(np.eye(1000, 4) + 1, ids)
    index.add([[1, 2, 3, 4]], ["y" * 10**6])
    index.save(tmp_path / "index.npz")
    assert os.path.getsize(tmp_path / "index.npz") < 2.1e6
    loaded = kd.index.ExactIndex.load(tmp_path / "index.npz")
    assert loaded.ids.tolist() == [*ids, "y" * 10**6]
    assert loaded.search(np.eye(1, 4), k=1)[0].tolist() == [[long]]
    # In the graph, too.
    assert index.ids_of(tf.constant([0]))[0].numpy().decode() == long


def test_packed_ids_come_back():
    ids = text_ids(["", "ä\0", "b"])
    assert unpacked(packed(ids)).tolist() == ids.tolist()


def test_files_with_numpys_strings_are_still_read(tmp_path):
    index = build(["ä", "b"])
    index.add([[1, 1]], ["new"])
    index.save(tmp_path / "index.npz")
    with np.load(tmp_path / "index.npz") as stored:
        arrays = dict(stored)
    del arrays["id_offsets"], arrays["id_bytes"]
    np.savez(tmp_path / "old.npz", ids=np.array(["ä", "b", "new"]), **arrays)
    loaded = kd.index.ExactIndex.load(tmp_path / "old.npz")
    assert loaded.ids.tolist() == ["ä", "b", "new"]
