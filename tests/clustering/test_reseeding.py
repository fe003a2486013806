"""What an empty cluster is given."""

import numpy as np

from keras_dvml.clustering.reseeding import reseed_empty


def test_no_empty_cluster_changes_nothing():
    assignments = np.array([0, 1, 1])
    found, num_filled = reseed_empty(np.eye(3, dtype="f"), assignments, 2)
    assert found.tolist() == [0, 1, 1]
    assert num_filled == 0


def test_largest_cluster_is_cut_at_its_mean_towards_its_farthest_member():
    # Cluster 1 is 0, 1, 2, 3, 9 with mean 3: the farthest is 9, and only 9
    # lies beyond the mean on its side.
    points = np.float32([[20], [0], [1], [2], [3], [9]])
    before = np.array([0, 1, 1, 1, 1, 1])
    found, num_filled = reseed_empty(points, before, 3)
    assert found.tolist() == [0, 1, 1, 1, 1, 2]
    assert num_filled == 1
    assert before.tolist() == [0, 1, 1, 1, 1, 1]


def test_each_empty_cluster_cuts_what_is_then_the_largest():
    # 0..7 are cut into 4..7 and 0..3 (both ends are equally far: the first
    # row is taken, so 0..3 move), then one of the halves, the lower id first.
    points = np.arange(8, dtype=np.float32)[:, None]
    found, num_filled = reseed_empty(points, np.zeros(8, np.int64), 3)
    assert num_filled == 2
    assert found.tolist() == [1, 1, 1, 1, 2, 2, 0, 0]


def test_equal_members_cannot_be_cut_so_the_next_largest_is():
    points = np.float32([[0.1]] * 5 + [[1.0], [2.0]])
    before = np.array([0] * 5 + [2, 2])
    found, num_filled = reseed_empty(points, before, 5)
    # Clusters 1, 3 and 4 are empty; only the pair can be cut, and only once.
    assert num_filled == 1
    assert sorted(np.bincount(found, minlength=5).tolist()) == [0, 0, 1, 1, 5]
    assert set(found[:5]) == {0}


def test_an_outlier_does_not_make_a_cluster_of_its_own():
    random = np.random.default_rng(0)
    points = random.normal(size=(200, 32)).astype(np.float32)
    points[0] *= 3
    found, _ = reseed_empty(points, np.zeros(200, np.int64), 2)
    assert np.bincount(found).min() > 50
