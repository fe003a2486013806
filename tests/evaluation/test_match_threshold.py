import numpy as np
import pytest

import keras_dvml as kd


def classes(num_classes, per_class=5, dim=16, spread=0.3, seed=0):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(num_classes, dim))
    labels = np.repeat(np.arange(num_classes), per_class)
    embeddings = centres[labels] + spread * random.normal(
        size=(len(labels), dim)
    )
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32), labels


def test_threshold_of_a_case_done_by_hand():
    # Best products across classes: 0.8, 0.96, 0.96, 0.8. A half may be reached
    # by others, so 0.96 is, and 0.8 just not.
    embeddings = [[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]]
    match = kd.evaluation.calibrate_match_threshold(
        embeddings, [0, 1, 2, 3], false_match_rate=0.5
    )
    assert 0.8 < float(match) == pytest.approx(0.8, abs=1e-6)
    assert match.false_match_rate == 0.5 and match.true_match_rate is None
    assert match.num_queries == 4


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.05, 0.5, 1.0])
def test_no_more_queries_than_asked_for_are_falsely_matched(rate):
    embeddings, labels = classes(100)
    match = kd.evaluation.calibrate_match_threshold(
        embeddings, labels, false_match_rate=rate
    )
    similarity = embeddings @ embeddings.T
    similarity[labels[:, None] == labels] = -np.inf
    best = similarity.max(axis=1)
    assert match.false_match_rate == np.mean(best >= float(match)) <= rate
    # And not needlessly few: one step lower, there would be too many.
    lower = np.sort(best[best < float(match)])[-1:]
    assert np.all([np.mean(best >= one) > rate for one in lower])


def test_rate_holds_for_classes_that_were_not_calibrated_on():
    gallery, gallery_labels = classes(100, seed=0)
    held_out, labels = classes(400, seed=1)
    match = kd.evaluation.calibrate_match_threshold(
        held_out[:1000],
        labels[:1000],
        gallery,
        gallery_labels + 1000,
        false_match_rate=0.05,
    )
    others = held_out[1000:] @ gallery.T
    assert 0.02 < np.mean(others.max(axis=1) >= float(match)) < 0.1
    assert match.true_match_rate is None


def test_true_matches_are_counted_without_the_query_itself():
    embeddings, labels = classes(30, spread=0.05)
    match = kd.evaluation.calibrate_match_threshold(embeddings, labels)
    assert match.true_match_rate == 1.0
    alone, alone_labels = classes(30, per_class=1)
    match = kd.evaluation.calibrate_match_threshold(alone, alone_labels)
    assert match.true_match_rate is None


def test_queries_in_a_gallery_are_no_matches_of_themselves():
    embeddings, labels = classes(30, spread=0.8)
    alone = kd.evaluation.calibrate_match_threshold(embeddings, labels)
    assert 0 < alone.true_match_rate < 1
    order = np.random.default_rng(0).permutation(len(labels))
    among = kd.evaluation.calibrate_match_threshold(
        embeddings[order[:40]],
        labels[order[:40]],
        embeddings[order],
        labels[order],
        query_rows=np.arange(40),
    )
    similarity = embeddings @ embeddings.T
    np.fill_diagonal(similarity, -1)
    similarity[labels[:, None] != labels] = -1
    reach = similarity.max(axis=1)[order[:40]] >= float(among)
    assert among.true_match_rate == reach.mean() < 1


def test_what_cannot_be_calibrated_is_named():
    embeddings, labels = classes(3)
    for rows in ([0], np.arange(15) + 1, np.arange(15.0)):
        with pytest.raises(ValueError, match="15 numbers of rows"):
            kd.evaluation.calibrate_match_threshold(
                embeddings, labels, embeddings, labels, query_rows=rows
            )
    with pytest.raises(ValueError, match="in 0..1; received 1.5"):
        kd.evaluation.calibrate_match_threshold(
            embeddings, labels, false_match_rate=1.5
        )
    with pytest.raises(ValueError, match="none for row 0"):
        kd.evaluation.calibrate_match_threshold(embeddings, 0 * labels)
