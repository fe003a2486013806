import numpy as np
import pytest

import keras_dvml as kd

pytestmark = pytest.mark.pipeline


@pytest.mark.parametrize(
    ("true_match_rate", "warns"),
    [(0.31, True), (0.5, False), (0.9, False), (None, False)],
)
def test_threshold_that_most_true_matches_miss_is_warned_of(
    true_match_rate, warns
):
    from pipelines.publishing.indexer import warning_of

    warning = warning_of(
        kd.evaluation.MatchThreshold(0.8126, 0.01, true_match_rate, 100)
    )
    if warns:
        assert warning.startswith(
            "Only 31.0% of the true matches reach the match threshold of 0.813"
        )
        assert "`index.false_match_rate`" in warning
    else:
        assert not warning


def test_threshold_is_calibrated_without_images_that_find_themselves():
    from pipelines.embedding.beam_embedding import EmbeddedImages
    from pipelines.publishing.indexer import calibrate

    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = np.asarray([f"{i:02}.png" for i in range(40)])
    labels = np.arange(40) // 4
    embedded = {
        split: EmbeddedImages(ids[rows], vectors[rows], labels[rows])
        for split, rows in (
            ("train", labels % 2 == 0), ("test", labels % 2 == 1)
        )
    }  # fmt: skip
    # Embeddings of chance: hardly a true match is above all false ones.
    assert calibrate(embedded, 0.01).true_match_rate < 0.5
