"""The zero-shot split: the first classes train a model, the last test it.

Beside the rooms, since nothing heavy is imported: a run lists its images
before it loads TensorFlow.
"""

import math


def num_train_classes(
    num_classes: int, test_fraction: float = 0.5, min_classes: int = 2
) -> int:
    """Returns how many classes, the first in their order, are trained on.

    Args:
        num_classes: Number of classes, of both sides together.
        test_fraction: In 0..1. Share of the classes to test on, rounded down:
            of an odd number of classes the larger half is trained on.
        min_classes: Fewest classes on either side; those trained on come
            first. One class alone has no negative pair.

    Example:
        >>> from keras_dvml.class_split import num_train_classes
        >>> num_train_classes(101), num_train_classes(100, test_fraction=0.25)
        (51, 75)
    """
    # 0.29 * 100 is 28.999999999999996, which would round down to 28.
    num_test = math.floor(round(num_classes * test_fraction, 6))
    most = max(num_classes - min_classes, 0)
    return num_classes - min(max(num_test, min_classes), most)
