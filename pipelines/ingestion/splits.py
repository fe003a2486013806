"""Which images are trained on, and which are tested on."""

import math
from collections.abc import Iterable

from keras_dvml.class_split import draw

# Shares of the test split, where a run does not give one: of classes or of
# images of every class, and of images without labels.
_LABELLED_SHARE = 0.5
_UNLABELLED_SHARE = 0.1


def share_to_test(test_fraction: float | None, labelled: bool) -> float:
    """Returns the share of the test split, given or not.

    Args:
        test_fraction: what the run says, or `None`.
        labelled: whether the images have labels.
    """
    if test_fraction is not None:
        return test_fraction
    return _LABELLED_SHARE if labelled else _UNLABELLED_SHARE


def held_out_of_class(
    image_ids: Iterable[str], test_fraction: float | None, seed: int = 0
) -> set[str]:
    """Chooses images of a class to test on: a share of them, rounded down.

    Args:
        image_ids: of the class, distinct.
        test_fraction: share to hold out; half where `None`.
        seed: another one chooses others.
    """
    image_ids = list(image_ids)
    share = share_to_test(test_fraction, labelled=True)
    return _least_drawn(
        image_ids, math.floor(_exact(len(image_ids), share)), seed
    )


def held_out(
    image_ids: Iterable[str], test_fraction: float | None, seed: int = 0
) -> set[str]:
    """Chooses images without labels to test on: a share of them, rounded up.

    Args:
        image_ids: of all images, distinct.
        test_fraction: share to hold out; a tenth where `None`.
        seed: another one chooses others.
    """
    image_ids = list(image_ids)
    share = share_to_test(test_fraction, labelled=False)
    return _least_drawn(
        image_ids, math.ceil(_exact(len(image_ids), share)), seed
    )


def is_held_out(image_id: str, test_fraction: float, seed: int = 0) -> bool:
    """Tells of one image alone whether it is to be tested on.

    Of many images about `test_fraction` are. It is for images that nobody can
    count beforehand.

    Args:
        image_id: of the image.
        test_fraction: share to hold out.
        seed: another one chooses others.
    """
    return draw(image_id, seed) < test_fraction


def _least_drawn(image_ids: list[str], count: int, seed: int) -> set[str]:
    # The same each time, unrelated to the order of the ids, and hardly
    # changed by a few more images.
    return set(sorted(image_ids, key=lambda name: draw(name, seed))[:count])


def _exact(count: int, share: float) -> float:
    # 30 * 0.1 is 3.0000000000000004, of which the ceiling is 4.
    return round(count * share, 6)
