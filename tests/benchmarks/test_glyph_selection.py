"""The characters of the glyphs data set, measured again."""

import pathlib
import runpy

import numpy as np
import pytest

from keras_dvml.data.datasets.glyph_classes import SPLITS, characters

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "glyph_selection.py"
# Correlations may differ in the last digits between versions of NumPy.
ROUNDING = 0.002


@pytest.fixture(scope="module")
def selection():
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def highest(selection):
    """Highest score of each pair over all turns; of one with itself, turned."""
    scores = selection["look_alike_scores"](
        [ord(c) for split in SPLITS for c in characters(split)]
    )
    highest = scores.max(axis=0)
    np.fill_diagonal(highest, scores[1:].max(axis=0).diagonal())
    return highest


def test_characters_of_train_and_test_look_different_in_all_turns(
    selection, highest
):
    pretrain = len(characters("pretrain"))
    limit = selection["PHOTO_THRESHOLD"] + ROUNDING
    assert highest[pretrain:, pretrain:].max() <= limit


def test_characters_of_pretrain_look_unlike_all_others_in_all_turns(
    selection, highest
):
    pretrain = len(characters("pretrain"))
    limit = selection["PRETRAIN_THRESHOLD"] + ROUNDING
    assert highest[:pretrain].max() <= limit


def test_look_alike_scores_find_a_twin_and_a_turned_twin(selection):
    # Latin and Cyrillic A; d, which is p turned by 180 degrees; and 2.
    scores = selection["look_alike_scores"]([ord(c) for c in "A\u0410dp2"])
    limit = selection["PHOTO_THRESHOLD"]
    assert scores[0, 0, 1] > 0.99
    assert scores[2, 2, 3] > limit > scores[0, 2, 3]
    assert scores[:, 0, 4].max() < limit
