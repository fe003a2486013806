"""A ModelEvaluation artifact: scores, their intervals, and embeddings."""

import os
from typing import Any

import numpy as np
from tfx.dsl.io import fileio

import keras_dvml as kd
from pipelines.artifacts.files import (
    pack_arrays,
    read_bytes,
    read_json,
    unpack_arrays,
    write_bytes,
    write_json,
)

_SCORES, _INTERVALS = "scores.json", "intervals.json"
_EMBEDDINGS = "embeddings.npz"


def write_evaluation(
    uri: str,
    scores: dict[str, float],
    intervals: dict[str, kd.evaluation.Interval],
    **arrays: Any,
) -> None:
    """Writes what an evaluator found.

    Args:
        uri: of the artifact.
        scores: in 0..1.
        intervals: of these.
        **arrays: with a row an image: `ids`, `embeddings` and so on; and what
            else later evaluations compare with.
    """
    write_json(uri, _SCORES, scores)
    write_json(uri, _INTERVALS, intervals)
    write_bytes(uri, _EMBEDDINGS, pack_arrays(**arrays))


def read_scores(uri: str) -> dict[str, float]:
    """Reads the scores of an evaluation."""
    return read_json(uri, _SCORES)


def read_intervals(uri: str) -> dict[str, list[float]]:
    """Reads low and high by score; empty for what wrote none."""
    if not fileio.exists(os.path.join(uri, _INTERVALS)):
        return {}
    return read_json(uri, _INTERVALS)


def read_arrays(uri: str) -> dict[str, np.ndarray]:
    """Reads the arrays of an evaluation, embeddings among them."""
    return unpack_arrays(read_bytes(uri, _EMBEDDINGS))
