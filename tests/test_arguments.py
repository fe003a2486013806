"""Messages about single arguments."""

import numpy as np
import pandas as pd
import pytest

from keras_dvml.arguments import (
    check_at_least,
    check_count,
    check_in_range,
    check_one_of,
    in_order,
)


def test_least_values_are_kept_to():
    check_at_least(1, every=1, batch_size=7)
    with pytest.raises(ValueError, match="^every must be at least 1; rec.* 0$"):
        check_at_least(1, batch_size=7, every=0)
    with pytest.raises(ValueError, match="received nan$"):
        check_at_least(0, weight=float("nan"))


@pytest.mark.parametrize("k", [0, 4, 1.5, 2.0, None])
def test_ranges_are_kept_to(k):
    check_in_range(1, 3, "the number of items", k=3)
    message = rf"^k must be in 1\.\.3, the number of items; received {k}$"
    with pytest.raises(ValueError, match=message):
        check_in_range(1, 3, "the number of items", k=k)


def test_choices_are_kept_to():
    check_one_of(("cosine", "euclidean"), metric="cosine")
    message = "^metric must be one of cosine, euclidean; received 'l1'$"
    with pytest.raises(ValueError, match=message):
        check_one_of(("cosine", "euclidean"), metric="l1")


def test_counts_are_whole_numbers():
    check_count(1, every=1, batch_size=np.int64(7))
    for value in (5.0, "5", None, np.float32(5)):
        with pytest.raises(ValueError, match="^every must be an integer, at"):
            check_count(1, every=value)
    with pytest.raises(ValueError, match="^every must be at least 1; rec.* 0$"):
        check_count(1, every=0)


def test_order_is_that_of_places():
    table = pd.Series([3, 1, 2]).sort_values()
    assert list(in_order(table, "labels")) == [1, 2, 3]
    assert in_order({"a": 1, "b": 2}.keys(), "ids") == ["a", "b"]
    array = np.arange(3)
    assert in_order(array, "labels") is array
    for none in ({1, 2}, frozenset([1]), {"a": 1}):
        with pytest.raises(ValueError, match="^labels must be a sequence"):
            in_order(none, "labels")
