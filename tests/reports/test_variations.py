import numpy as np
import pytest
import tensorflow as tf

from keras_dvml.reports import EmbeddingMap, search_variation, write_report
from keras_dvml.reports.map_data import central_embeddings, map_data

PNG = tf.io.encode_png(np.zeros((4, 4, 3), np.uint8)).numpy()


@pytest.fixture
def images():
    # On a circle at 0, 10, 30, 90 and 180 degrees.
    angles = np.deg2rad([0, 10, 30, 90, 180])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return EmbeddingMap(embeddings, [0, 0, 1, 0, 1], list("abcde"), [PNG] * 5)


def at(degrees):
    return np.stack([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])


def test_nearest_images_come_in_order_without_the_image_itself(images):
    found = search_variation(images, 1, at([10.0])[None].T.reshape(1, 2))
    results = found.nearest.results
    assert [result.label for result in results] == ["a", "c", "d", "e"]
    # cos(10) = 0.985, cos(20) = 0.940.
    assert [round(result.score, 3) for result in results[:2]] == [0.985, 0.94]
    assert [result.is_hit for result in results] == [True, False, True, False]


def test_draws_find_images_by_how_often_they_are_nearest(images):
    # Around a, at 0: two draws near c, one near b, one near d.
    draws = at(np.array([28.0, 31.0, 12.0, 80.0])).T
    found = search_variation(images, 0, draws)
    results = found.synthetic.results
    assert [result.label for result in results] == ["c", "b", "d"]
    assert [result.score for result in results] == [0.5, 0.25, 0.25]
    assert found.num_draws == 4


def test_an_image_is_never_found_by_its_own_draws(images):
    found = search_variation(images, 0, at(np.array([0.0, 1.0])).T)
    assert [result.label for result in found.synthetic.results] == ["b"]


def test_length_of_a_draw_does_not_matter(images):
    draws = at(np.array([28.0, 12.0])).T
    short, long = (search_variation(images, 0, n * draws) for n in (0.1, 9.0))
    assert short == long


def test_clusters_are_not_judged(images):
    images = EmbeddingMap(
        images.embeddings, [0, 0, 1, 0, 1], list("abcde"), [PNG] * 5, "cluster"
    )
    found = search_variation(images, 0, [[1.0, 0.1]])
    assert {result.is_hit for result in found.nearest.results} == {None}


@pytest.mark.parametrize("shape", [(0, 2), (3, 3), (2,)])
def test_draws_of_another_shape_are_a_named_error(images, shape):
    with pytest.raises(ValueError, match=r"synthetic must have shape \(T, 2"):
        search_variation(images, 0, np.ones(shape))


def test_one_image_has_nothing_to_find():
    images = EmbeddingMap([[1.0, 0.0]], [0], ["a"], [PNG])
    with pytest.raises(ValueError, match="images must hold another image"):
        search_variation(images, 0, [[1.0, 0.0]])


def test_central_embeddings_are_less_the_mean_of_their_class():
    images = EmbeddingMap(
        [[1.0, 0.0], [5.0, 5.0], [3.0, 2.0]], [4, 2, 4], list("aba"), [PNG] * 3
    )
    # The mean of class 4 is (2, 1); class 2 has one image.
    expected = [[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]
    np.testing.assert_allclose(central_embeddings(images), expected)


def test_central_latent_space_does_not_follow_the_class(make_images):
    images, _ = make_images()
    embedding, central = map_data(images, central=True)["layouts"]
    # Noise around centres: of 59 others 9 are of the class, 15%.
    assert embedding["same_class"] > 0.5 > 0.35 > central["same_class"]
    assert (embedding["judged"], central["judged"]) == (True, False)


def test_chance_is_the_share_of_pairs_of_one_class(make_images):
    # Each of 60 images has 9 of 59 others in its class.
    drawn = map_data(make_images()[0])
    assert drawn["same_class_by_chance"] == pytest.approx(9 / 59)
    assert len(drawn["layouts"]) == 1


def page(path, images, variations=()):
    return write_report(
        path / "report.html",
        title="Birds",
        scores={"dvml": {"recall@1": 0.5}},
        histories={},
        embedding_map=images,
        variations=variations,
    ).read_text(encoding="utf-8")


def test_report_has_a_map_of_the_central_latent_space(tmp_path, images):
    text = page(tmp_path, images, [search_variation(images, 0, [[1.0, 0.1]])])
    assert "<h2>Central latent space</h2>" in text
    assert text.count("<canvas") == 2
    # One sheet of thumbnails serves both maps.
    assert text.count('id="sheet"') == 1


def test_report_counts_the_draws(tmp_path, images):
    found = search_variation(images, 0, at(np.array([28.0, 31.0, 12.0])).T)
    text = page(tmp_path, images, [found])
    assert "Nearest to 3 draws around it" in text
    assert "2 of 3</span>" in text and "1 of 3</span>" in text


def test_model_without_variation_has_neither(tmp_path, images):
    text = page(tmp_path, images)
    assert "<h2>Variation" not in text and "<h2>Central" not in text
