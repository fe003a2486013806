"""Each miner against a loop over the anchors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

MINERS = {
    "all": kd.miners.AllMiner(),
    "hard": kd.miners.HardMiner(),
    "semi_hard": kd.miners.SemiHardMiner(),
    "easy_positive": kd.miners.EasyPositiveMiner(),
    "batch_easy": kd.miners.BatchEasyMiner(),
    "multi_similarity": kd.miners.MultiSimilarityMiner(margin=0.05),
    "distance_weighted": kd.miners.DistanceWeightedMiner(seed=3),
    "uniform_histogram": kd.miners.UniformHistogramMiner(
        num_bins=5, positives_per_bin=4, negatives_per_bin=6
    ),
}
DRAWING = ("distance_weighted", "uniform_histogram")
every_miner = pytest.mark.parametrize("name", MINERS)


def batch(num_classes=4, num_images=4, dim=8, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_images)
    embeddings = random.normal(size=(len(labels), dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return labels, embeddings.astype(np.float32)


def least(distances):
    return min(distances, key=distances.get)


def most(distances):
    return max(distances, key=distances.get)


def beyond(positive, positives, negatives):
    farther = {n: d for n, d in negatives.items() if d > positives[positive]}
    return ([positive], [least(farther)]) if farther else ([], [])


# From the distances of an anchor by row to the rows that are chosen.
LOOPS = {
    "all": lambda positives, negatives: (list(positives), list(negatives)),
    "hard": lambda positives, negatives: (
        [most(positives)],
        [least(negatives)],
    ),
    "semi_hard": lambda positives, negatives: beyond(
        most(positives), positives, negatives
    ),
    "easy_positive": lambda positives, negatives: beyond(
        least(positives), positives, negatives
    ),
    "batch_easy": lambda positives, negatives: (
        [least(positives)],
        [least(negatives)],
    ),
}


def loop_multi_similarity(positives, negatives, margin=0.05):
    # Of unit length: s = 1 - d^2 / 2.
    positives = {p: 1 - d * d / 2 for p, d in positives.items()}
    negatives = {n: 1 - d * d / 2 for n, d in negatives.items()}
    most_negative, least_positive = (
        max(negatives.values()),
        min(positives.values()),
    )
    return (
        [p for p, s in positives.items() if s < most_negative + margin],
        [n for n, s in negatives.items() if s > least_positive - margin],
    )


LOOPS["multi_similarity"] = loop_multi_similarity


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LOOPS)
def test_miner_equals_a_loop(name, seed):
    labels, embeddings = batch(seed=seed)
    # The last has no positive.
    labels[-1] = 9
    pairs = MINERS[name](labels, embeddings)
    places = embeddings.astype(np.float64)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    for i, label in enumerate(labels):
        others = [j for j in range(len(labels)) if j != i]
        positives = {j: distance[i, j] for j in others if labels[j] == label}
        negatives = {j: distance[i, j] for j in others if labels[j] != label}
        if positives or name == "all":
            expected = LOOPS[name](positives, negatives)
        else:
            expected = [], []
        for mask, rows in zip(pairs, expected, strict=True):
            assert np.flatnonzero(mask[i]).tolist() == sorted(rows)


@every_miner
def test_miner_chooses_among_the_pairs_that_there_are(name):
    labels, embeddings = batch()
    given = kd.miners.AllMiner()(labels, embeddings)
    # Anchors are the first 6 rows, and the last 4 are compared with nothing.
    given = kd.ops.Pairs(*(mask.numpy()[:6].copy() for mask in given))
    for mask in given:
        mask[:, -4:] = False
    mined = MINERS[name](given, embeddings)
    for mask, among in zip(mined, given, strict=True):
        assert mask.shape == among.shape
        assert mask.dtype == tf.bool
        assert not np.any(mask & ~among)


@every_miner
@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [5, 5, 5, 5]])
def test_batch_without_positives_or_negatives_gives_none(name, labels):
    pairs = MINERS[name](labels, batch(num_classes=1)[1])
    kind = pairs.positives if labels[0] == 0 else pairs.negatives
    assert not np.any(kind)


@every_miner
def test_compiled_by_xla_it_chooses_the_same(name):
    labels, embeddings = batch(dim=3)
    compiled = tf.function(MINERS[name], jit_compile=True)
    mined = MINERS[name](labels, embeddings)
    for actual, expected in zip(
        compiled(tf.constant(labels), tf.constant(embeddings)),
        mined,
        strict=True,
    ):
        np.testing.assert_array_equal(actual, expected)


@every_miner
def test_config_rebuilds_the_miner(name):
    config = keras.saving.serialize_keras_object(MINERS[name])
    assert keras.saving.deserialize_keras_object(config) == MINERS[name]


def test_every_miner_of_the_room_is_tested():
    classes = {type(miner).__name__ for miner in MINERS.values()}
    assert {*kd.miners.__all__} - {"Miner"} == classes


def test_hard_triplets_are_those_of_the_hard_miner():
    labels, embeddings = batch()
    miner = kd.miners.HardMiner()
    for margin in (0.2, None):
        plain = kd.losses.TripletHardLoss(margin)(labels, embeddings)
        mined = kd.losses.TripletHardLoss(margin, miner=miner)
        assert mined(labels, embeddings) == plain


def test_multi_similarity_mines_as_its_miner_does():
    labels, embeddings = batch()
    miner = kd.miners.MultiSimilarityMiner(margin=0.1)
    plain = kd.losses.MultiSimilarityLoss(mining_margin=0.1)
    mined = kd.losses.MultiSimilarityLoss(mining_margin=10.0, miner=miner)
    assert mined(labels, embeddings) == plain(labels, embeddings)


def test_distance_weighted_draws_far_negatives_less_often():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    embeddings = random.normal(size=(400, 3))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    embeddings = embeddings.astype(np.float32)
    distance = np.linalg.norm(embeddings[0] - embeddings[200:], axis=1)
    miner = kd.miners.DistanceWeightedMiner(cutoff=0.1, farthest=1.2)
    drawn = miner(labels, embeddings).negatives.numpy()[0, 200:]
    assert not drawn[distance >= 1.2].any()
    # On the sphere of 3 dimensions q is proportional to d.
    near = drawn[distance < 0.6].mean()
    far = drawn[(distance > 0.9) & (distance < 1.2)].mean()
    assert near > far > 0


def test_uniform_histogram_thins_out_full_bins():
    labels = np.repeat([0, 1], 50)
    # Few negatives are 2 apart, nearly all are 1.
    embeddings = np.zeros((100, 1), np.float32)
    embeddings[50:] = 1.0
    embeddings[0] = -1.0
    miner = kd.miners.UniformHistogramMiner(num_bins=2, negatives_per_bin=100)
    negatives = miner(labels, embeddings).negatives.numpy()
    assert negatives[0].sum() == 50
    assert 20 < negatives[1:50].sum() < 90


@pytest.mark.parametrize("name", ["num_bins", "positives_per_bin"])
def test_uniform_histogram_needs_a_bin_and_a_pair(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        kd.miners.UniformHistogramMiner(**{name: 0})
