import numpy as np
import pytest
import tensorflow as tf

from keras_dvml.reports import EmbeddingMap, project_embeddings
from keras_dvml.reports.map_data import class_hues, map_data, sample_by_class
from keras_dvml.reports.projection import nearest_by_cosine, project_together

PNG = tf.io.encode_png(np.zeros((4, 4, 3), np.uint8)).numpy()


def embedding_map(embeddings, labels=None):
    labels = np.zeros(len(embeddings), int) if labels is None else labels
    names = [f"class {label}" for label in labels]
    return EmbeddingMap(embeddings, labels, names, [PNG] * len(embeddings))


def clusters(num_classes=4, num_images=12, dim=16):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(num_classes), num_images)
    centres = 5 * rng.normal(size=(num_classes, dim))
    return centres[labels] + rng.normal(size=(len(labels), dim)), labels


def test_neighbors_equal_a_naive_search():
    embeddings = np.random.default_rng(0).normal(size=(40, 7))
    neighbors, similarities = nearest_by_cosine(embeddings, 5)
    for i, row in enumerate(embeddings):
        cosines = []
        for j, other in enumerate(embeddings):
            lengths = np.linalg.norm(row) * np.linalg.norm(other)
            cosines.append(-2.0 if i == j else row @ other / lengths)
        expected = sorted(range(40), key=lambda j: -cosines[j])[:5]
        assert neighbors[i].tolist() == expected
        np.testing.assert_allclose(
            similarities[i], np.sort(cosines)[::-1][:5], atol=1e-6
        )


def test_there_are_no_more_neighbors_than_other_images():
    assert nearest_by_cosine(np.eye(3), 8)[0].shape == (3, 2)
    assert nearest_by_cosine(np.eye(1), 8)[0].shape == (1, 0)


def test_classes_lie_apart_on_the_plane():
    embeddings, labels = clusters()
    points = project_embeddings(embeddings)
    nearest = nearest_by_distance(points)
    assert np.mean(labels[nearest] == labels) > 0.95


def nearest_by_distance(points):
    squared = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(squared, np.inf)
    return squared.argmin(1)


def test_one_seed_gives_one_plane():
    embeddings, _ = clusters()
    np.testing.assert_array_equal(
        project_embeddings(embeddings, seed=3),
        project_embeddings(embeddings, seed=3),
    )


def test_planes_made_together_are_those_made_alone():
    embeddings, labels = clusters()
    spaces = [embeddings, embeddings - embeddings[labels]]
    for plane, space in zip(
        project_together(spaces, seed=3), spaces, strict=True
    ):
        np.testing.assert_array_equal(plane, project_embeddings(space, seed=3))


@pytest.mark.parametrize(
    "embeddings",
    [
        np.ones((1, 4)),
        np.eye(2),
        np.eye(7),
        np.ones((20, 3)),
        np.zeros((20, 3)),
        np.linspace(-1, 1, 20)[:, None],
    ],
)
def test_degenerate_embeddings_get_finite_points(embeddings):
    points = project_embeddings(embeddings)
    assert points.shape == (len(embeddings), 2)
    assert np.isfinite(points).all()


def test_few_images_are_all_shown():
    assert sample_by_class([5, 5, 2], 3).tolist() == [0, 1, 2]


def test_sample_takes_whole_classes():
    labels = np.repeat(np.arange(50), 10)
    chosen = labels[sample_by_class(labels, 305)]
    # 30 classes of 10 fit into 305.
    assert len(chosen) == 300
    assert set(np.bincount(chosen, minlength=50)) == {0, 10}


def test_sample_thins_large_classes_rather_than_dropping_most():
    labels = np.repeat(np.arange(4), 1000)
    chosen = labels[sample_by_class(labels, 100)]
    assert np.bincount(chosen).tolist() == [25, 25, 25, 25]


def test_sample_never_exceeds_its_limit():
    labels = np.random.default_rng(0).zipf(1.5, 5000)
    assert 0 < len(sample_by_class(labels, 300)) <= 300


def test_data_names_the_classes_of_the_points():
    embeddings, labels = clusters(num_classes=3, num_images=4)
    labels = labels + 7
    data = map_data(embedding_map(embeddings, labels))
    names = [data["names"][position] for position in data["classes"]]
    assert names == [f"class {label}" for label in labels]
    assert data["num_images"] == data["num_images_given"] == 12
    assert len(data["layouts"][0]["points"]) == 24


def test_data_says_how_much_of_the_map_is_shown():
    embeddings, labels = clusters(num_classes=6, num_images=4)
    data = map_data(embedding_map(embeddings, labels), max_points=12)
    assert (data["num_images"], data["num_images_given"]) == (12, 24)
    assert data["num_classes_given"] == 6


def test_neighboring_classes_get_unlike_hues():
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    hues = np.array(class_hues(points, np.arange(60)))
    apart = np.abs(np.diff(hues)) % 360
    # The golden angle apart, except where the walk around closes.
    assert np.sum(np.minimum(apart, 360 - apart) < 90) <= 1


def test_lengths_that_differ_are_a_named_error():
    with pytest.raises(ValueError, match="labels must.* 3; received 2"):
        EmbeddingMap(np.eye(3), [0, 1], ["a"] * 3, [PNG] * 3)
    with pytest.raises(ValueError, match="label_names must.*received 4"):
        EmbeddingMap(np.eye(3), [0, 1, 1], ["a"] * 4, [PNG] * 3)
    with pytest.raises(ValueError, match="image_bytes must.*received 0"):
        EmbeddingMap(np.eye(3), [0, 1, 1], ["a"] * 3, [])


def test_embeddings_that_are_not_finite_are_a_named_error():
    embeddings = np.eye(3)
    embeddings[1, 2] = np.nan
    with pytest.raises(ValueError, match="must be finite.*1 of 3 rows.*row 1"):
        embedding_map(embeddings)


@pytest.mark.parametrize("embeddings", [np.ones(3), np.ones((0, 4))])
def test_embeddings_of_another_shape_are_a_named_error(embeddings):
    with pytest.raises(ValueError, match=r"embeddings must be \(N, dim\)"):
        embedding_map(embeddings)
