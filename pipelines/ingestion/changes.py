"""What had to be done to files so that they are seen as people see them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

#: Custom property of the examples: what was done to which images, in words.
CHANGES = "changes"

#: Of an image of which a model that takes squares sees a part alone.
NOT_SQUARE = "not square"

_NUM_SHOWN = 3


def changes_in_words(counts: dict[str, int]) -> str:
    """Tells how many images were changed in which way, in a line.

    Args:
        counts: change to number of images.

    Returns:
        Such as `"turned: 12, converted from HEIC: 3"`; "" where none was.

    Example:
        >>> changes_in_words({"not square": 1200, "turned": 12})
        'not square: 1,200, turned: 12'
    """
    return ", ".join(f"{name}: {counts[name]:,}" for name in sorted(counts))


def changes_with_names(
    counts: dict[str, int], changed: Sequence[dict[str, Any]]
) -> str:
    """Tells the same, with the first files of each.

    Args:
        counts: as for `changes_in_words`.
        changed: dicts of `path` and `changes`, without those that are merely
            not square.
    """
    names = {name: [] for name in counts}
    for row in changed:
        for name in row["changes"]:
            names[name].append(row["path"])
    parts = []
    for name in sorted(counts):
        shown = ", ".join(names[name][:_NUM_SHOWN])
        more = ", ..." if len(names[name]) > _NUM_SHOWN else ""
        files = f" ({shown}{more})" if shown else ""
        parts.append(f"{name}: {counts[name]:,}{files}")
    return "; ".join(parts)


def count_changes(
    changed: Sequence[dict[str, Any]], num_not_square: int
) -> dict[str, int]:
    """Returns change to number of images.

    Args:
        changed: as for `changes_with_names`.
        num_not_square: images that are not square.
    """
    counts = Counter(name for row in changed for name in row["changes"])
    if num_not_square:
        counts[NOT_SQUARE] = num_not_square
    return dict(counts)
