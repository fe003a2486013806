"""What was added to an index and removed from it since it was built."""

import functools

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import in_order
from keras_dvml.index.gallery import checked_gallery


class Changes:
    """Rows of the built part, rows added behind them, and which are gone.

    Never altered once made: a search keeps to the one it began with.

    Args:
        ids: `(rows,)` array of str, the built ones first.
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
        self._num_built = len(ids) - len(added)
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
        if isinstance(ids, str):
            raise ValueError(f"ids must be a sequence of str; received {ids!r}")
        names = np.asarray(in_order(ids, "ids")).astype(np.str_).tolist()
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

    def num_to_ask_for(self, k: int) -> int:
        """Returns how many built rows are sure to hold k live ones."""
        num_gone = int(np.count_nonzero(self._removed[: self._num_built]))
        return min(k + num_gone, self._num_built)

    def applied(
        self, queries: np.ndarray, rows: np.ndarray, scores: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the k best of built rows found and of added ones.

        Args:
            queries: `(Q, dim)` float32 array.
            rows: `(Q, found)` array of built rows, -1 for none.
            scores: `(Q, found)` float32 array.
            k: Columns of the result.

        Returns:
            Tuple of `(Q, k)` rows and scores, -1 and -inf where fewer are
            left.
        """
        added = np.arange(self._num_built, self.num_rows)
        nothing = np.full((len(queries), k), -1)
        rows = np.concatenate(
            [rows, np.tile(added, (len(queries), 1)), nothing], axis=1
        )
        scores = np.concatenate(
            [scores, queries @ self._added.T, np.full(nothing.shape, -np.inf)],
            axis=1,
            dtype=np.float32,
        )
        gone = np.append(self._removed, True)[rows]
        rows = np.where(gone, -1, rows)
        scores = np.where(gone, -np.inf, scores)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows = np.take_along_axis(rows, best, axis=1)
        return rows, np.take_along_axis(scores, best, axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns ids and changes by name."""
        names = ("ids", "added", "removed")
        return {name: getattr(self, f"_{name}") for name in names}

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray]
    ) -> tuple["Changes", np.ndarray]:
        """Takes what `arrays` returned out of a dict.

        Returns:
            Tuple of the changes and the ids of the built part.
        """
        ids, added, removed = map(arrays.pop, ("ids", "added", "removed"))
        return cls(ids, added, removed), ids[: len(ids) - len(added)]


def _and_more(ids):
    others = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return f"{ids[0]!r}{others}"
