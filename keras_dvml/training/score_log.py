"""Scores of a training run where people look for them."""

import csv
import io
import os

import tensorflow as tf

from keras_dvml.whole_files import whole_file


class ScoreLog:
    """Writes scores as a CSV file and as TensorBoard's scalars.

    Args:
        log_dir: The folder, of one run.
    """

    def __init__(self, log_dir: str | os.PathLike) -> None:
        self._log_dir = os.fspath(log_dir)
        self._writer = None

    def write(self, evaluations: list[dict[str, float]]) -> None:
        """Writes a CSV row an evaluation; adds scalars of the last one.

        Args:
            evaluations: list of a dict each: `epoch`, and name to score.
        """
        text = io.StringIO()
        rows = csv.DictWriter(text, evaluations[-1], lineterminator="\n")
        rows.writeheader()
        rows.writerows(evaluations)
        # Whole, so that a resumed run repeats no row.
        with whole_file(os.path.join(self._log_dir, "retrieval.csv")) as file:
            file.write(text.getvalue().encode())
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self._log_dir)
        scores = dict(evaluations[-1])
        with self._writer.as_default(step=scores.pop("epoch")):
            for name, score in scores.items():
                tf.summary.scalar(f"retrieval/{name}", score)
        self._writer.flush()

    def close(self) -> None:
        """Closes TensorBoard's file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
