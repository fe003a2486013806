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
