import pytest

from keras_dvml.class_split import num_train_classes


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
