"""What was added to an index and removed from it since it was built."""

import functools

import numpy as np

from keras_dvml.index.gallery import checked_gallery


class Changes:
    """Rows of the built part, rows added behind them, and which are gone.

    Never altered once made: a search goes on with the one it began with.

    Args:
        ids: `(rows,)` array of str, the built ones first.
        dim: int. Width of the embeddings.
        added: `(num_added, dim)` float32 array, or `None` for none.
        removed: `(rows,)` bool array, or `None` for none.
    """

    def __init__(self, ids, dim, added=None, removed=None):
        self._ids = ids
        self._added = np.empty((0, dim), np.float32) if added is None else added
        self._removed = np.zeros(len(ids), bool) if removed is None else removed
        self._num_built = len(ids) - len(self._added)
        self._num_removed = int(np.count_nonzero(self._removed))
        # Row -1, which stands for "nothing found", is the last one.
        self.names = np.append(ids, "")

    @property
    def num_rows(self):
        """How many rows there are, removed ones among them."""
        return len(self._ids)

    @property
    def num_items(self):
        """How many rows are not removed."""
        return len(self._ids) - self._num_removed

    def any(self):
        """Returns whether anything changed."""
        return len(self._added) > 0 or self._num_removed > 0

    def live_ids(self):
        """Returns the ids that are not removed, in the order of rows."""
        return self._ids[~self._removed]

    def live_rows(self, built):
        """Returns the embeddings that are not removed, given the built."""
        if not self.any():
            return built
        return np.concatenate([built, self._added])[~self._removed]

    def with_added(self, embeddings, ids, metric):
        """Returns these changes and the addition of items."""
        embeddings, ids = checked_gallery(embeddings, ids, metric)
        if embeddings.shape[1] != self._added.shape[1]:
            raise ValueError(
                f"embeddings must be (M, {self._added.shape[1]}) as those "
                f"stored; received shape {embeddings.shape}"
            )
        if there := sorted(self._row_of.keys() & set(ids.tolist())):
            raise ValueError(
                f"ids must be new; the index holds {there[0]!r}"
                + _and_more(there)
            )
        return Changes(
            np.concatenate([self._ids, ids]),
            embeddings.shape[1],
            np.concatenate([self._added, embeddings]),
            np.append(self._removed, np.zeros(len(ids), bool)),
        )

    def with_removed(self, ids):
        """Returns these changes and the removal of items."""
        if isinstance(ids, str):
            raise ValueError(f"ids must be a sequence of str; received {ids!r}")
        ids = np.asarray(ids).astype(np.str_).tolist()
        if missing := sorted(set(ids) - self._row_of.keys()):
            raise ValueError(
                f"ids must be in the index; {missing[0]!r} is not"
                + _and_more(missing)
            )
        if len(set(ids)) != len(ids):
            raise ValueError("ids to remove must be unique; one repeats")
        removed = self._removed.copy()
        removed[[self._row_of[one] for one in ids]] = True
        return Changes(self._ids, self._added.shape[1], self._added, removed)

    @functools.cached_property
    def _row_of(self):
        live = np.flatnonzero(~self._removed)
        return dict(zip(self._ids[live].tolist(), live.tolist(), strict=True))

    def num_to_ask_for(self, k):
        """Returns how many built rows are sure to hold k live ones."""
        gone = int(np.count_nonzero(self._removed[: self._num_built]))
        return min(k + gone, self._num_built)

    def applied(self, queries, rows, scores, k):
        """Returns the k best of built rows found and of added ones.

        Args:
            queries: `(Q, dim)` float32 array.
            rows: `(Q, found)` array of built rows, -1 for none.
            scores: `(Q, found)` float32 array.
            k: int. Columns of the result.

        Returns:
            Tuple of `(Q, k)` rows and scores, -1 and -inf where fewer are
            left.
        """
        added = np.arange(self._num_built, self.num_rows)
        shape = (len(queries), len(added))
        nothing = np.full((len(queries), k), -1)
        rows = np.concatenate(
            [rows, np.broadcast_to(added, shape), nothing], axis=1
        )
        scores = np.concatenate(
            [scores, queries @ self._added.T, np.full(nothing.shape, -np.inf)],
            axis=1,
            dtype=np.float32,
        )
        gone = np.append(self._removed, True)[rows]
        rows, scores = np.where(gone, -1, rows), np.where(gone, -np.inf, scores)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return (
            np.take_along_axis(rows, best, axis=1),
            np.take_along_axis(scores, best, axis=1),
        )

    def arrays(self):
        """Returns ids and changes as a dict of NumPy arrays."""
        return {
            "ids": self._ids,
            "added": self._added,
            "removed": self._removed,
        }

    @classmethod
    def from_arrays(cls, arrays):
        """Takes what `arrays` returned out of a dict.

        Returns:
            Tuple of the changes and the ids of the built part.
        """
        ids, added, removed = map(arrays.pop, ("ids", "added", "removed"))
        changes = cls(ids, added.shape[1], added, removed)
        return changes, ids[: len(ids) - len(added)]


def _and_more(ids):
    return f" ({len(ids)} such ids)" if len(ids) > 1 else ""
