"""What embeddings must be, for every room."""

import warnings

import numpy as np
import pytest

from keras_dvml.embeddings import (
    blocks,
    check_finite,
    checked_embeddings,
    checked_rows,
    similarity_blocks,
    unit_length,
)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "bool"])
def test_real_numbers_become_float32(dtype):
    rows = np.array([[1, 0], [0, 1]], dtype)
    checked = checked_embeddings(rows)
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, rows)
    assert checked_rows(rows) is rows


def test_float32_is_not_copied_and_a_memory_map_not_read(tmp_path):
    np.save(tmp_path / "rows.npy", np.ones((3, 2), np.float32))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert np.shares_memory(checked_embeddings(rows), rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones(3), r"gallery must be \(N, dim\) with N, dim >= 1; .*\(3,\)"),
        (np.ones((0, 2)), r"received shape \(0, 2\)"),
        (np.ones((3, 0)), r"received shape \(3, 0\)"),
        ([["a"]], "gallery must be real numbers; received <U1"),
        ([[1j]], "real numbers; received complex"),
        ([[1.0], [np.nan], [np.inf]], "finite .*2 of 3 rows, first in row 1"),
        # Finite in float64, but not in float32.
        ([[1e300], [1.0]], "1 of 2 rows, first in row 0"),
        # The square of its length overflows, and so may a product.
        ([[1.0, 1.0], [1.9e19, 0.0]], "no longer than 1.8e19.*row 1"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_embedding_is_named(rows, message):
    with pytest.raises(ValueError, match=message):
        checked_embeddings(rows, "gallery")


def test_width_that_is_asked_for_is_named():
    checked_embeddings(np.ones((2, 3)), dim=3)
    with pytest.raises(ValueError, match=r"\(N, 4\) .*received shape \(2, 3\)"):
        checked_embeddings(np.ones((2, 3)), dim=4)


def test_long_rows_whose_squares_together_overflow_are_valid():
    rows = np.full((20, 16), 4e18, np.float32)
    check_finite(rows, "rows")
    check_finite(rows[:0], "rows")


def test_rows_have_unit_length_also_where_their_squares_underflow():
    rows = np.array([[3, 4], [3e-30, 4e-30], [3e18, 4e18], [0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled = unit_length(rows)
    assert scaled.dtype == np.float32
    expected = [[0.6, 0.8]] * 3 + [[0, 0]]
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)


def test_blocks_cover_all_rows_once():
    assert list(blocks(5, 2)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(blocks(0, 2)) == []


def test_blocks_of_similarities_are_the_whole_product():
    random = np.random.default_rng(0)
    queries = random.normal(size=(2500, 4)).astype("f")
    gallery = random.normal(size=(30, 4)).astype("f")
    parts = list(similarity_blocks(queries, gallery))
    assert len(parts) == 3
    for rows, products in parts:
        np.testing.assert_allclose(
            products, queries[rows] @ gallery.T, rtol=1e-5, atol=1e-6
        )
