"""Which images are trained on, and which are tested on."""

import hashlib
import math
from collections.abc import Iterable

# Shares of the test split, where a run does not give one: of classes or of
# images of every class, and of images without labels.
_LABELLED_SHARE = 0.5
_UNLABELLED_SHARE = 0.1


def in_class_order(names: Iterable[str]) -> list[str]:
    """Sorts the names of classes: by number where all are numbers.

    Args:
        names: of classes, with or without repetition.
    """
    names = sorted(set(names))
    if all(name.isdecimal() for name in names):
        return sorted(names, key=int)
    return names


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
    image_ids: Iterable[str], test_fraction: float | None
) -> set[str]:
    """Chooses images of a class to test on: a share of them, rounded down.

    Args:
        image_ids: of the class, distinct.
        test_fraction: share to hold out; half where `None`.
    """
    image_ids = list(image_ids)
    share = share_to_test(test_fraction, labelled=True)
    return _with_least_hashes(
        image_ids, math.floor(_exact(len(image_ids), share))
    )


def held_out(image_ids: Iterable[str], test_fraction: float | None) -> set[str]:
    """Chooses images without labels to test on: a share of them, rounded up.

    Args:
        image_ids: of all images, distinct.
        test_fraction: share to hold out; a tenth where `None`.
    """
    image_ids = list(image_ids)
    share = share_to_test(test_fraction, labelled=False)
    return _with_least_hashes(
        image_ids, math.ceil(_exact(len(image_ids), share))
    )


def is_held_out(image_id: str, test_fraction: float) -> bool:
    """Tells of one image alone whether it is to be tested on.

    Of many images about `test_fraction` are. It is for images that nobody can
    count beforehand.

    Args:
        image_id: of the image.
        test_fraction: share to hold out.
    """
    return int.from_bytes(_hash(image_id)[:8], "big") < test_fraction * 2**64


def _with_least_hashes(image_ids: list[str], count: int) -> set[str]:
    # The same each time, unrelated to the order of the ids, and hardly
    # changed by a few more images.
    return set(sorted(image_ids, key=_hash)[:count])


def _hash(image_id: str) -> bytes:
    name = image_id.encode(errors="surrogateescape")
    return hashlib.sha256(name).digest()


def _exact(count: int, share: float) -> float:
    # 30 * 0.1 is 3.0000000000000004, of which the ceiling is 4.
    return round(count * share, 6)
