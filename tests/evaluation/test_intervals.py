import numpy as np
import pytest

import keras_dvml as kd
from keras_dvml.evaluation.clustering_draws import clustering_of_draws

NAMES = ["recall@1", "map@r", "r_precision", "mrr", "nmi", "ami", "f1"]


def evaluated(
    seed=0, noise=0.8, num_classes=40, size=6, clustering=True, labels=None
):
    random = np.random.default_rng(seed)
    if labels is None:
        labels = np.repeat(np.arange(num_classes), size)
    embeddings = random.normal(size=(num_classes, 8))[labels]
    # Some classes are harder than others.
    hardness = random.uniform(0, 2 * noise, num_classes)[labels][:, None]
    embeddings += hardness * random.normal(size=embeddings.shape)
    return kd.evaluation.evaluate_retrieval(
        embeddings, labels, (1,), clustering=clustering
    )


def test_each_score_has_an_interval_around_it():
    scores = evaluated()
    intervals = kd.evaluation.bootstrap_intervals(scores)
    assert list(intervals) == list(scores) == NAMES
    for name, (low, high) in intervals.items():
        assert 0 <= low < scores[name] < high <= 1, name


def test_intervals_of_equally_large_classes_are_those_of_class_means():
    scores = evaluated(num_classes=200)
    recall = (scores.ranks.best == 1).reshape(200, 6).mean(axis=1)
    # The mean of 200 class means, drawn with replacement, is near normal.
    half = 1.96 * recall.std() / np.sqrt(200)
    interval = kd.evaluation.bootstrap_intervals(scores, num_draws=4000)
    low, high = interval["recall@1"]
    assert low == pytest.approx(scores["recall@1"] - half, abs=0.1 * half)
    assert high == pytest.approx(scores["recall@1"] + half, abs=0.1 * half)


def found_at_once(recalls, random, size=8):
    """Scores of classes whose queries find theirs at once that often."""
    labels = np.repeat(np.arange(len(recalls)), size)
    best = 1 + (random.random(len(labels)) > recalls[labels])
    ranks = kd.evaluation.PositiveRanks(
        queries=np.arange(len(labels)),
        classes=labels,
        num_positive=np.full(len(labels), size - 1),
        best=best,
        num_within_r=best,
        average_precision=best,
        gallery_size=len(labels) - 1,
        num_left_out=0,
    )
    recall = {"recall@1": kd.evaluation.recall_at_k(ranks, 1)}
    return kd.evaluation.RetrievalScores(recall, (1,), ranks, labels)


def test_intervals_hold_the_score_of_the_whole_world_as_often_as_said():
    # A world of 2000 classes whose recalls are known; samples of 50 of them.
    random = np.random.default_rng(0)
    world = random.beta(2, 1, 2000)
    held = 0
    for seed in range(200):
        scores = found_at_once(random.choice(world, 50), random)
        low, high = kd.evaluation.bootstrap_intervals(
            scores, num_draws=300, seed=seed
        )["recall@1"]
        held += low <= world.mean() <= high
    # 95% of 200 are 190, give or take 3 standard deviations of 3.1.
    assert 180 <= held <= 200


def test_drawing_each_class_once_gives_the_scores_themselves():
    scores = evaluated()
    drawn = clustering_of_draws(scores.labels, scores.clusters)(
        np.ones((1, 40))
    )
    for name in ("nmi", "ami", "f1"):
        assert drawn[name] == pytest.approx(scores[name]), name


def test_f1_of_draws_equals_counting_pairs_of_items_that_differ():
    random = np.random.default_rng(0)
    labels, clusters = random.integers(0, 4, (2, 30))
    times = np.array([[2, 0, 1, 3]])
    # Each item with the number of the draw of its class that brought it.
    items = [(i, t) for i in range(30) for t in range(times[0][labels[i]])]
    true = wrong = missed = 0
    for number, (a, draw_a) in enumerate(items):
        for b, draw_b in items[:number]:
            if labels[a] == labels[b] and draw_a != draw_b:
                continue
            same_class = labels[a] == labels[b]
            same_cluster = clusters[a] == clusters[b]
            true += same_class and same_cluster
            wrong += same_cluster and not same_class
            missed += same_class and not same_cluster
    drawn = clustering_of_draws(labels, clusters)(times)["f1"]
    assert drawn == pytest.approx(2 * true / (2 * true + wrong + missed))


def test_nmi_of_draws_equals_that_of_repeated_items():
    random = np.random.default_rng(0)
    labels, clusters = random.integers(0, 4, (2, 30))
    times = np.array([2, 0, 1, 3])
    items = np.repeat(np.arange(30), times[labels])
    drawn = clustering_of_draws(labels, clusters)(times[None])["nmi"]
    assert drawn == pytest.approx(
        kd.evaluation.nmi(labels[items], clusters[items])
    )


def test_interval_of_a_mean_is_over_groups_and_not_over_their_values():
    # 100 groups, of which half are all 1 and half all 0. Over groups the mean
    # has a standard error of sqrt(0.25 / 100) = 0.05, and the interval goes
    # 1.96 of them to either side; over the 400 values it is half as wide.
    values = np.repeat(np.arange(100) % 2, 4)
    low, high = kd.evaluation.mean_interval(values, 4)
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.02)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.02)
    low, high = kd.evaluation.mean_interval(values)
    assert high - low == pytest.approx(1.96 * 0.05, abs=0.02)


def test_interval_of_a_mean_holds_what_numpy_draws():
    values = np.random.default_rng(1).random(50)
    drawn = np.random.default_rng(0).integers(50, size=(1000, 50))
    expected = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    assert kd.evaluation.mean_interval(values) == tuple(expected)


def test_interval_of_what_never_varies_is_a_point():
    assert kd.evaluation.mean_interval(np.ones(20, bool)) == (1.0, 1.0)


def test_more_classes_narrow_the_interval():
    def width(num_classes):
        random = np.random.default_rng(0)
        scores = found_at_once(random.beta(2, 1, num_classes), random)
        low, high = kd.evaluation.bootstrap_intervals(scores)["recall@1"]
        return high - low

    # As the square root of their number: 16 times as many, a quarter.
    assert width(1600) == pytest.approx(width(100) / 4, rel=0.25)


def test_a_higher_level_widens_the_interval():
    scores = evaluated(clustering=False)
    wide = kd.evaluation.bootstrap_intervals(scores, level=0.99)
    narrow = kd.evaluation.bootstrap_intervals(scores, level=0.5)
    for name in scores:
        assert wide[name].low < narrow[name].low
        assert narrow[name].high < wide[name].high


def test_perfect_scores_have_no_spread():
    labels = np.repeat(np.arange(5), 4)
    scores = kd.evaluation.evaluate_retrieval(np.eye(5)[labels], labels, (1,))
    intervals = kd.evaluation.bootstrap_intervals(scores)
    for name, interval in intervals.items():
        assert interval == pytest.approx((1.0, 1.0)), name


def test_an_interval_holds_the_score_where_few_draws_stand_far_out():
    # All in one cluster: an NMI of 0. Of 4^4 draws 4 hold a single class,
    # whose NMI is 1: fewer than the 2.5% that the interval leaves out above,
    # which lies below the mean for it.
    labels = np.repeat(np.arange(4), 2)
    scores = kd.evaluation.evaluate_retrieval(np.ones((8, 2)), labels, (1,))
    intervals = kd.evaluation.bootstrap_intervals(scores)
    assert scores["nmi"] == 0
    assert intervals["nmi"] == (0, 0)


def test_classes_without_a_query_are_never_drawn():
    labels = np.append(np.repeat(np.arange(4), 3), np.arange(4, 40))
    scores = evaluated(labels=labels)
    intervals = kd.evaluation.bootstrap_intervals(scores)
    assert np.isfinite(list(intervals.values())).all()


def test_same_seed_gives_the_same_interval():
    scores = evaluated()
    first = kd.evaluation.bootstrap_intervals(scores, num_draws=20)
    assert first == kd.evaluation.bootstrap_intervals(scores, num_draws=20)
    other = kd.evaluation.bootstrap_intervals(scores, num_draws=20, seed=1)
    assert first != other


def test_a_model_does_not_differ_from_itself():
    differences = kd.evaluation.compare_retrieval(evaluated(), evaluated())
    assert list(differences) == NAMES
    assert set(differences.values()) == {(0.0, 0.0, 0.0)}


def test_differences_have_the_sign_of_the_better_model():
    better, worse = evaluated(noise=0.5), evaluated(noise=1.5)
    forwards = kd.evaluation.compare_retrieval(better, worse)
    backwards = kd.evaluation.compare_retrieval(worse, better)
    for name in NAMES:
        difference, low, high = forwards[name]
        assert difference == better[name] - worse[name]
        assert 0 < low < difference < high, name
        assert backwards[name] == pytest.approx((-difference, -high, -low))


def test_pairing_narrows_the_interval():
    # The same classes are hard for both, as the noise differs in size only.
    better, worse = evaluated(noise=0.75), evaluated(noise=0.8)
    paired = kd.evaluation.compare_retrieval(better, worse)["map@r"]
    low, high = kd.evaluation.bootstrap_intervals(better)["map@r"]
    assert paired.high - paired.low < 0.5 * (high - low)


def test_models_are_compared_on_the_scores_that_both_have():
    differences = kd.evaluation.compare_retrieval(
        evaluated(), evaluated(clustering=False)
    )
    assert list(differences) == NAMES[:4]


def test_other_queries_cannot_be_compared():
    with pytest.raises(ValueError, match="received 120 and 240 queries"):
        kd.evaluation.compare_retrieval(
            evaluated(clustering=False),
            evaluated(num_classes=20, clustering=False),
        )
    with pytest.raises(ValueError, match="received other labels"):
        kd.evaluation.compare_retrieval(
            evaluated(clustering=False),
            evaluated(num_classes=80, size=3, clustering=False),
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"level": 95}, r"level must be in \(0, 1\); received 95"),
        ({"num_draws": 0}, "num_draws must be at least 1; received 0"),
    ],
)
def test_bad_settings_are_named(settings, message):
    scores = evaluated(clustering=False)
    with pytest.raises(ValueError, match=message):
        kd.evaluation.bootstrap_intervals(scores, **settings)
    with pytest.raises(ValueError, match=message):
        kd.evaluation.compare_retrieval(scores, scores, **settings)
    with pytest.raises(ValueError, match=message):
        kd.evaluation.mean_interval(np.ones(3), **settings)


@pytest.mark.parametrize("num_values", [0, 5])
def test_values_that_are_no_groups_are_refused(num_values):
    with pytest.raises(ValueError, match=f"groups of 4.*received {num_values}"):
        kd.evaluation.mean_interval(np.ones(num_values), 4)
