"""What looks like some pictures, found by a server or by the model itself."""

from collections.abc import Iterable
from typing import Any

from keras_dvml.console.embedding import embedded
from keras_dvml.console.images import read_batches
from keras_dvml.console.running_server import found_by_server


def searched(
    model: str, names: Iterable[str], k: int
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Finds what looks like pictures.

    Args:
        model: Folder of the versions, or of one.
        names: Files or addresses.
        k: How many are found of each.

    Returns:
        Tuple of a dict for each picture, `image` and `neighbours`, and name
        and reason of each that cannot be read.
    """
    names = list(names)
    return _by_server(model, names, k) or _by_model(model, names, k)


def _by_server(model, names, k):
    found, bad = [], []
    for files, contents, unread in read_batches(names):
        rows = found_by_server(model, contents, k)
        if rows is None:
            return None
        for file, reason, row in zip(files, unread, rows, strict=True):
            if reason or row["status"] != "OK":
                bad.append((file, reason or row["status"]))
                continue
            matches = row.get("is_match")
            found.append(_told(file, row["ids"][:k], row["scores"], matches))
    return found, bad


def _by_model(model, names, k):
    from keras_dvml.serving import load

    published = load(model)
    threshold = published.facts.get("match_threshold")
    k = min(k, published.facts.get("num_embeddings", k))
    found, bad = [], []
    for batch in embedded(published, names):
        ids, scores = published.search(batch.embeddings, k)
        matches = None if threshold is None else scores >= threshold
        for row, name in enumerate(batch.names):
            own = None if matches is None else matches[row].tolist()
            found.append(_told(name, ids[row], scores[row].tolist(), own))
        bad += batch.bad
    return found, bad


def _told(image, ids, scores, matches):
    neighbours = []
    # Fewer scores may be wanted than a server has.
    for place, (name, score) in enumerate(zip(ids, scores, strict=False)):
        if name:
            neighbours.append({"id": name, "score": round(score, 6)})
            if matches is not None:
                neighbours[-1]["is_match"] = matches[place]
    return {"image": image, "neighbours": neighbours}
