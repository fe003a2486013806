"""The history of a training, beside its model and in its ModelRun artifact."""

from pipelines.artifacts.files import read_json, write_json

_FILE = "history.json"
# The one score of unseen classes that is followed over the epochs.
CURVE = "val_recall@1"

#: Term to values of each epoch, `None` where an epoch has none.
History = dict[str, list[float | None]]


def write_history(folder: str, history: History) -> None:
    """Writes a history into a folder."""
    write_json(folder, _FILE, history)


def read_history(folder: str) -> History:
    """Reads what `write_history` wrote."""
    return read_json(folder, _FILE)


def num_epochs(history: History) -> int:
    """Counts the epochs of a history."""
    return max(map(len, history.values()), default=0)


def join_histories(first: History, then: History) -> History:
    """Puts one training after another; what one of them lacks is `None`.

    Example:
        >>> join_histories({"loss": [2.0]}, {"loss": [1.0], "prior": [0.5]})
        {'loss': [2.0, 1.0], 'prior': [None, 0.5]}
    """
    lacking_first: list[float | None] = [None] * num_epochs(first)
    lacking_then: list[float | None] = [None] * num_epochs(then)
    return {
        name: first.get(name, lacking_first) + then.get(name, lacking_then)
        for name in {**first, **then}
    }
