"""What was added to an index and removed from it since it was built."""

import functools
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.embeddings import checked_embeddings
from keras_dvml.index.best_rows import best_rows_left
from keras_dvml.index.gallery import checked_gallery
from keras_dvml.index.text_ids import checked_ids, packed, text_ids, unpacked


class Changes:
    """Rows of the built part, rows added behind them, and which are gone.

    Never altered once made: a search keeps to the one it began with.

    Args:
        ids: `(rows,)` object array of str, the built ones first.
        added: `(num_added, dim)` float32 array.
        removed: `(rows,)` bool array, or `None` for none.
    """

    def __init__(
        self,
        ids: np.ndarray,
        added: np.ndarray,
        removed: np.ndarray | None = None,
    ) -> None:
        self._ids = ids
        self._added = added
        self._removed = np.zeros(len(ids), bool) if removed is None else removed
        #: How many rows there are that were built, removed ones among them.
        self.num_built = len(ids) - len(added)
        #: How many rows there are, removed ones among them.
        self.num_rows = len(ids)
        #: How many rows are not removed.
        self.num_items = self.num_rows - int(np.count_nonzero(self._removed))
        #: Whether anything changed.
        self.any = len(added) > 0 or self.num_items < self.num_rows
        # Row -1, which means "nothing found", is the last one.
        self.names = np.append(ids, "")

    def live_ids(self) -> np.ndarray:
        """Returns the ids that are not removed, in the order of rows."""
        return self._ids[~self._removed]

    def live_rows(self, built: np.ndarray) -> np.ndarray:
        """Returns the embeddings that are not removed, given the built."""
        if not self.any:
            return built
        return np.concatenate([built, self._added])[~self._removed]

    def with_added(
        self, embeddings: ArrayLike, ids: ArrayLike, metric: str
    ) -> "Changes":
        """Returns these changes and the addition of items."""
        embeddings, ids = checked_gallery(
            embeddings, ids, metric, self._added.shape[1]
        )
        if held := sorted(self._row_of.keys() & set(ids.tolist())):
            raise ValueError(
                "ids must not be in the index already; received "
                + _and_more(held)
            )
        return Changes(
            np.concatenate([self._ids, ids]),
            np.concatenate([self._added, embeddings]),
            np.append(self._removed, np.zeros(len(ids), bool)),
        )

    def with_removed(self, ids: ArrayLike) -> "Changes":
        """Returns these changes and the removal of items."""
        names = text_ids(ids).tolist()
        if missing := sorted(set(names) - self._row_of.keys()):
            raise ValueError(
                "ids must be in the index; received " + _and_more(missing)
            )
        if len(set(names)) != len(names):
            raise ValueError("ids must be unique; received one repeatedly")
        removed = self._removed.copy()
        removed[[self._row_of[name] for name in names]] = True
        return Changes(self._ids, self._added, removed)

    @functools.cached_property
    def _row_of(self):
        live = np.flatnonzero(~self._removed)
        return dict(zip(self._ids[live].tolist(), live.tolist(), strict=True))

    def nearest(
        self, index: Any, queries: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the best of the built rows that are left and of added ones.

        Args:
            index: The `Index` of the built ones.
            queries: `(Q, dim)` float32 array, as the metric wants it.
            k: 1..num_rows.

        Returns:
            Tuple of `(Q, k)` rows and float32 scores, -1 and -inf where fewer
            are left.
        """
        k_built = min(k, self.num_built)
        gone = self._removed[: self.num_built]
        if gone.any():
            rows, scores = index.nearest_left(queries, k_built, gone)
        else:
            rows, scores = index.nearest(queries, k_built)
        k_added = min(k, len(self._added))
        if not k_added:
            return rows, scores
        added, added_scores = best_rows_left(
            queries,
            self._added_tensor,
            k_added,
            removed=self._removed[self.num_built :],
        )
        added = np.where(added < 0, -1, added + self.num_built)
        rows = np.concatenate([rows, added], axis=1)
        scores = np.concatenate([scores, added_scores], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows = np.take_along_axis(rows, best, axis=1)
        return rows, np.take_along_axis(scores, best, axis=1)

    @functools.cached_property
    def _added_tensor(self):
        return tf.constant(self._added)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns ids and changes by name."""
        changes = {"added": self._added, "removed": self._removed}
        return {**packed(self._ids), **changes}

    def check_against(self, built: np.ndarray, metric: str) -> None:
        """Raises where a file holds what `build` would refuse.

        Args:
            built: `(built rows, dim)` float32 array.
            metric: "dot_product" or "cosine".
        """
        built = checked_embeddings(built)
        shape = self._added.shape
        if len(built) != self.num_built or shape[1:] != built.shape[1:]:
            raise ValueError(
                f"it has {self.num_built} ids for embeddings of shape "
                f"{built.shape}, and added ones of shape {shape}"
            )
        for rows in (built, self._added):
            lengths = np.linalg.norm(rows, axis=1)
            # Rounded to a byte a number, they are off by less.
            if metric == "cosine" and (np.abs(lengths - 1) > 0.1).any():
                raise ValueError("its embeddings are not of length 1")

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray]
    ) -> tuple["Changes", np.ndarray]:
        """Takes what `arrays` returned out of a dict.

        Returns:
            Tuple of the changes and the ids of the built part.

        Raises:
            ValueError: If they are not what `arrays` returns.
        """
        ids = unpacked(arrays)
        added, removed = arrays.pop("added"), arrays.pop("removed")
        num_built = len(ids) - len(added)
        if removed.dtype != bool or removed.shape != ids.shape or num_built < 1:
            raise ValueError(
                f"it has {len(ids)} ids, {len(added)} added embeddings and "
                f"marks of removal of shape {removed.shape}"
            )
        # An id that was removed may have come back with a row of its own.
        checked_ids(ids[~removed], len(ids) - np.count_nonzero(removed))
        if len(added):
            checked_embeddings(added)
        return cls(ids, added, removed), ids[:num_built]


def _and_more(ids):
    others = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return f"{ids[0]!r}{others}"
