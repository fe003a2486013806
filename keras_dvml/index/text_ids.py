"""Ids as text of any length: an array of `str`, in files offsets and bytes.

NumPy's own strings take as much for each as the longest one needs. These take
what their letters do.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import in_order

# What a missing value is called once it is text.
_MISSING = {"None", "nan", "NaN", "NaT", "<NA>"}


def text_ids(ids: ArrayLike) -> np.ndarray:
    """Returns ids as an object array of `str`.

    Args:
        ids: Sequence of `str`, of UTF-8 bytes as tf.Examples hold them, or of
            numbers.

    Raises:
        ValueError: If one is missing (`None`, NaN), a sequence itself, or no
            text that UTF-8 can write.
    """
    if isinstance(ids, str | bytes):
        raise ValueError(f"ids must be a sequence of str; received {ids!r}")
    ids = in_order(ids, "ids")
    if isinstance(ids, np.ndarray):
        if ids.ndim != 1:
            raise ValueError(
                f"ids must be a sequence; received shape {ids.shape}"
            )
        ids = ids.tolist()
    texts = [_text(value, row) for row, value in enumerate(ids)]  # pyright: ignore
    return _objects(texts)


def checked_ids(ids: ArrayLike, num_embeddings: int) -> np.ndarray:
    """Returns ids as `text_ids`, one for each embedding.

    Raises:
        ValueError: As `text_ids`, and if ids are empty, repeat, or are more
            or fewer than the embeddings.
    """
    ids = text_ids(ids)
    if len(ids) != num_embeddings:
        raise ValueError(
            f"ids must be one for each of {num_embeddings} embeddings; "
            f"received shape {ids.shape}"
        )
    counts = Counter(ids.tolist())
    if "" in counts:
        # It means "nothing found" in the answer to a search.
        raise ValueError(
            "ids must not be empty; received '' in row "
            f"{ids.tolist().index('')}"
        )
    if len(counts) != len(ids):
        ((repeated, count),) = counts.most_common(1)
        raise ValueError(
            f"ids must be unique; received {repeated!r} {count} times"
        )
    return ids


def packed(ids: np.ndarray) -> dict[str, np.ndarray]:
    """Returns ids as arrays: where each begins and ends, and all bytes."""
    encoded = [text.encode() for text in ids.tolist()]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    letters = np.frombuffer(b"".join(encoded), np.uint8)
    return {"id_offsets": offsets, "id_bytes": letters}


def unpacked(arrays: dict[str, Any]) -> np.ndarray:
    """Takes what `packed` returned out of a dict, or an array of NumPy's.

    Raises:
        ValueError: If the arrays do not fit each other.
    """
    if "ids" in arrays:
        # As indexes were written before.
        return text_ids(arrays.pop("ids"))
    offsets, letters = arrays.pop("id_offsets"), arrays.pop("id_bytes")
    if (
        offsets.dtype != np.int64
        or letters.dtype != np.uint8
        or offsets.ndim != 1
        or letters.ndim != 1
        or offsets[:1].tolist() != [0]
        or offsets[-1] != len(letters)
        or (np.diff(offsets) < 0).any()
    ):
        raise ValueError("the offsets of its ids do not fit their bytes")
    places, letters = offsets.tolist(), letters.tobytes()
    pairs = zip(places, places[1:], strict=False)
    return text_ids([letters[begin:end] for begin, end in pairs])


def _text(value: Any, row: int) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ValueError(
                f"ids must be UTF-8; received {value!r} in row {row}"
            ) from None
    else:
        text = str(value)
        if text in _MISSING or hasattr(value, "__len__"):
            raise ValueError(f"ids must be text; received {text} in row {row}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"ids must be text that UTF-8 can write; received {text!r} in row "
            f"{row}"
        ) from None
    return text


def _objects(texts: list[str]) -> np.ndarray:
    array = np.empty(len(texts), object)
    array[:] = texts
    return array
