"""Messages about single arguments."""

import pytest

from keras_dvml.arguments import check_at_least, check_in_range, check_one_of


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
