"""The zero-shot split: some classes train a model, the others test it.

The papers train on the first classes and test on the last; classes that nobody
has split are drawn by their names.

Beside the rooms, since nothing heavy is imported: a run lists its images
before it loads TensorFlow.
"""

import hashlib
import math
from collections.abc import Iterable


def in_class_order(names: Iterable[str]) -> list[str]:
    """Sorts the names of classes: by number where all are numbers.

    Args:
        names: Of classes, with or without repetition.

    Example:
        >>> from keras_dvml.class_split import in_class_order
        >>> in_class_order(["10", "9", "10"]), in_class_order(["10", "b"])
        (['9', '10'], ['10', 'b'])
    """
    names = sorted(set(names))
    if all(name.isdecimal() for name in names):
        return sorted(names, key=int)
    return names


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


def held_out_classes(
    names: Iterable[str],
    test_fraction: float = 0.5,
    seed: int = 0,
    min_classes: int = 2,
) -> set[str]:
    """Draws the classes to test on, each by its name alone.

    So a class that is added later moves no other one to the other side, and
    how many are drawn is left to chance. Only where a side would have fewer
    than `min_classes`, those that came nearest to it are taken as well.

    Args:
        names: Names of all classes.
        test_fraction: In 0..1. Chance of a class to be tested on.
        seed: Another one draws others.
        min_classes: Fewest classes on either side; those trained on come
            first.

    Returns:
        Names of the classes to test on.

    Example:
        >>> from keras_dvml.class_split import held_out_classes
        >>> birds = ["crow", "finch", "lark", "robin", "rook", "wren"]
        >>> held_out = held_out_classes(birds)
        >>> held_out_classes([*birds, "owl"]) - {"owl"} == held_out
        True
    """
    drawn = {name: draw(name, seed) for name in names}
    num_test = sum(number < test_fraction for number in drawn.values())
    most = max(len(drawn) - min_classes, 0)
    num_test = min(max(num_test, min_classes), most)
    return set(sorted(drawn, key=lambda name: drawn[name])[:num_test])


def draw(name: str, seed: int = 0) -> float:
    """Returns a number in [0, 1) that depends on a name and a seed alone.

    Args:
        name: Of a class or an image; letters that a file system could not
            decode are taken as they are.
        seed: Another one draws another number.

    Example:
        >>> from keras_dvml.class_split import draw
        >>> 0 <= draw("robin") < 1, draw("robin") == draw("robin", seed=1)
        (True, False)
    """
    text = f"{seed}/{name}".encode(errors="surrogateescape")
    # Six bytes are exact in a float.
    return int.from_bytes(hashlib.sha256(text).digest()[:6], "big") / 2**48
