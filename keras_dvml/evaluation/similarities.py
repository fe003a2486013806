"""Similarities of all pairs, block by block, counted as they come.

Items are sorted by class and cut into parts between classes, so that only a
part's product with itself holds positives; of any other block all scores are
negatives. Where the queries are the gallery, a block serves both its rows and
its columns as queries, and half of the products suffice.
"""

import os
from concurrent import futures

import numpy as np
import tensorflow as tf

from keras_dvml.evaluation.progress import DelayedProgress
from keras_dvml.evaluation.rank_counter import RankCounter

# A block of 2048 x 2048 scores is 16 MiB: a fast product, little memory.
_PART = 2048
# Similarities of queries to the items of their own classes, at most.
_OWN_AT_ONCE = 2**22
# Positives whose scores are kept for all queries at once: 16 bytes each.
_POSITIVES_AT_ONCE = 2**24


def count_ranks(
    embeddings: np.ndarray,
    classes: np.ndarray,
    queries: np.ndarray | None = None,
    query_classes: np.ndarray | None = None,
    progress: bool = False,
) -> list[np.ndarray]:
    """Counts ranks as `RankCounter.result` gives them, in input order.

    Args:
        embeddings: `(N, dim)` float32 array.
        classes: `(N,)` int array in 0..C-1.
        queries: `(Q, dim)` float32 array, or `None` for the embeddings
            themselves, each without itself.
        query_classes: `(Q,)` int array in 0..C-1.
        progress: Whether to show a progress bar when it takes long.

    Returns:
        Four `(Q,)` arrays.
    """
    gallery = _Sorted(embeddings, classes)
    without_self = queries is None
    asked = gallery if queries is None else _Sorted(queries, query_classes)
    if without_self and gallery.fits_parts():
        parts = _count_symmetric(gallery, progress)
    else:
        parts = _count_queries(asked, gallery, without_self, progress)
    places = np.argsort(asked.order)
    return [
        np.concatenate(column)[places] for column in zip(*parts, strict=True)
    ]


class _Sorted:
    """Embeddings sorted by class, read part by part."""

    def __init__(self, embeddings, classes):
        self.embeddings = embeddings
        self.order = np.argsort(classes, kind="stable")
        self.classes = classes[self.order]
        self.sizes = np.bincount(classes)
        # Class c has the rows starts[c]..starts[c + 1] - 1.
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)])

    def __len__(self):
        return len(self.order)

    def rows(self, start, stop):
        """Returns sorted embeddings as a tensor."""
        with tf.device("CPU"):
            return tf.constant(self.embeddings[self.order[start:stop]])

    def fits_parts(self):
        """Whether each class fits a part, and the positives fit memory."""
        num_positive = np.sum(np.square(self.sizes.astype(np.int64)))
        return self.sizes.max() <= _PART and num_positive <= _POSITIVES_AT_ONCE

    def cuts(self):
        """Returns (start, stop) of parts of whole classes."""
        # Of few parts a large share would be products of parts with
        # themselves, of which nothing can be spared.
        size = min(_PART, max(_PART // 2, len(self) // 6))
        ends, cuts, start = self.starts[1:], [], 0
        while start < len(self):
            last = np.searchsorted(ends, start + size, side="right") - 1
            # At least one class, which may be larger.
            stop = max(ends[last], ends[self.classes[start]])
            cuts.append((start, stop))
            start = stop
        return cuts


def _count_symmetric(items, progress):
    cuts = items.cuts()
    parts = [items.rows(*cut) for cut in cuts]
    num_pairs = len(parts) * (len(parts) + 1) // 2
    bar = DelayedProgress(num_pairs, progress, "block")

    def count_own(i):
        classes = items.classes[slice(*cuts[i])]
        scores = _product(parts[i], parts[i])
        bar.step()
        return _own_counter(scores, classes, classes, np.arange(len(classes)))

    def count_pair(pair):
        i, j = pair
        scores = _product(parts[i], parts[j])
        counters[i].add(scores)
        counters[j].add(scores, query_axis=1)
        bar.step()

    numbers = range(len(parts))
    with _workers() as workers:
        counters = list(workers.map(count_own, numbers))
        pairs = ((i, j) for i in numbers for j in numbers if i < j)
        list(workers.map(count_pair, pairs))
    return [counter.result() for counter in counters]


def _count_queries(queries, gallery, without_self, progress):
    parts = [
        gallery.rows(start, start + _PART)
        for start in range(0, len(gallery), _PART)
    ]
    blocks = list(_query_blocks(queries, gallery))
    bar = DelayedProgress(len(blocks), progress, "block")

    def count(block):
        start, stop, own_start, own_stop = block
        rows = queries.rows(start, stop)
        own = gallery.rows(own_start, own_stop)
        counter = _own_counter(
            _product(rows, own),
            queries.classes[start:stop],
            gallery.classes[own_start:own_stop],
            np.arange(start, stop) - own_start if without_self else None,
        )
        for number, part in enumerate(parts):
            # What the own product has already counted is cut out.
            first = number * _PART
            left = np.clip(own_start - first, 0, len(part))
            right = np.clip(own_stop - first, left, len(part))
            if left:
                counter.add(_product(rows, part[:left]))
            if right < len(part):
                counter.add(_product(rows, part[right:]))
        bar.step()
        return counter.result()

    with _workers() as workers:
        return list(workers.map(count, blocks))


def _query_blocks(queries, gallery):
    """Yields query rows and the gallery rows of all their classes."""
    start = 0
    while start < len(queries):
        stop = min(start + _PART, len(queries))
        while True:
            classes = queries.classes[[start, stop - 1]] + [0, 1]
            own_start, own_stop = gallery.starts[
                np.minimum(classes, len(gallery.sizes))
            ]
            size = (stop - start) * (own_stop - own_start)
            if size <= _OWN_AT_ONCE or stop - start == 1:
                break
            stop = start + (stop - start) // 2
        yield start, stop, own_start, own_stop
        start = stop


def _own_counter(scores, query_classes, classes, selves):
    """Returns a counter that has seen the scores of the own classes.

    Args:
        scores: `(Q, M)` float32 array.
        query_classes: `(Q,)` int array.
        classes: `(M,)` int array.
        selves: `(Q,)` int array, each query's own column, or `None`.
    """
    positive = own = query_classes[:, None] == classes
    if selves is not None:
        positive = own.copy()
        positive[np.arange(len(own)), selves] = False
    found = np.flatnonzero(positive)
    counter = RankCounter(
        found // scores.shape[1], scores.reshape(-1)[found], len(scores)
    )
    counter.add(np.where(own, np.float32(-np.inf), scores))
    return counter


def _product(rows, columns):
    """Scores of one block, on the CPU: some GPUs round products to 10 bits.

    TensorFlow's product gives equal pairs equal scores, whatever their place
    in whatever block, as ties ask for; NumPy's does not.
    """
    with tf.device("CPU"):
        # Read only, but unlike `.numpy()` no copy.
        return np.asarray(tf.matmul(rows, columns, transpose_b=True))


def _workers():
    # One more than cores: while some count, the product has the others.
    return futures.ThreadPoolExecutor(min((os.cpu_count() or 1) + 1, 8))
