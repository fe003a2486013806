import pytest

from keras_dvml.class_split import draw, held_out_classes, num_train_classes


@pytest.mark.parametrize(
    ("num_classes", "test_fraction", "expected"),
    [
        (100, 0.5, 50),
        # Of an odd number the larger half is trained on.
        (5, 0.5, 3),
        # 0.29 * 100 is 28.999999999999996 in floating point.
        (100, 0.29, 71),
        # At least two classes on either side.
        (10, 0.01, 8),
        (10, 0.99, 2),
        (4, 0.25, 2),
    ],
)
def test_first_classes_are_trained_on(num_classes, test_fraction, expected):
    assert num_train_classes(num_classes, test_fraction) == expected


def test_too_few_classes_are_trained_on():
    trained = [num_train_classes(number) for number in range(5)]
    assert trained == [0, 1, 2, 2, 2]
    trained = [num_train_classes(number, min_classes=1) for number in range(5)]
    assert trained == [0, 1, 1, 2, 2]


MANY = [f"class_{number}" for number in range(1000)]


@pytest.mark.parametrize("test_fraction", [0.25, 0.5])
def test_about_a_share_of_the_classes_is_drawn(test_fraction):
    drawn = held_out_classes(MANY, test_fraction)
    # Within four standard deviations of a binomial number.
    deviation = (1000 * test_fraction * (1 - test_fraction)) ** 0.5
    assert abs(len(drawn) - 1000 * test_fraction) < 4 * deviation
    # Neither the first nor the last.
    assert 0.3 < sum(name in drawn for name in MANY[:500]) / len(drawn) < 0.7


def test_a_class_that_is_added_moves_no_other():
    drawn = held_out_classes(MANY[:30])
    for name in MANY[30:200]:
        assert held_out_classes([*MANY[:30], name]) - {name} == drawn
    # Nor does one that is gone, or another order.
    assert held_out_classes(reversed(MANY[1:30])) == drawn - {MANY[0]}


def test_another_seed_draws_other_classes():
    both = held_out_classes(MANY) & held_out_classes(MANY, seed=1)
    # A quarter would be drawn by both where they have nothing in common.
    assert 180 < len(both) < 320


@pytest.mark.parametrize("test_fraction", [0.001, 0.5, 0.999])
@pytest.mark.parametrize("num_classes", [4, 5, 20])
def test_both_sides_have_two_classes_at_least(num_classes, test_fraction):
    for seed in range(20):
        drawn = held_out_classes(MANY[:num_classes], test_fraction, seed)
        assert 2 <= len(drawn) <= num_classes - 2


def test_names_need_not_be_text():
    assert 0 <= draw("\udcff") < 1
