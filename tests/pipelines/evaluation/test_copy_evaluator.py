import numpy as np
import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def module():
    from pipelines.evaluation import copy_evaluator

    return copy_evaluator


def scores(module, gallery, copies, originals, twins=None):
    gallery, copies = np.asarray(gallery, float), np.asarray(copies, float)
    if twins is None:
        twins = np.arange(len(gallery))
    found = module.copies_found(gallery, copies, np.asarray(originals), twins)
    assert all(one.shape == (len(copies),) for one in found.values())
    return found["copies_found@1"].mean(), found["copies_found@10"].mean()


def test_copies_are_found_by_their_nearest_image(module):
    gallery = [[1, 0], [0, 1], [-1, 0]]
    copies = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [-0.2, 0.1]]
    # Nearest are 0, 0, 1 and 2; three of the four are the originals.
    assert scores(module, gallery, copies, [0, 1, 1, 2]) == (0.75, 1.0)


def test_ten_results_are_ten(module):
    # Similarities 11, 10, ... 1, 0 to the copy: the last image is place 11.
    gallery = np.arange(11, -1, -1)[:, None]
    for original, found in ((0, (1, 1)), (9, (0, 1)), (10, (0, 0))):
        assert scores(module, gallery, [[1]], [original]) == found


def test_a_model_that_embeds_everything_alike_finds_nothing(module):
    gallery = np.ones((12, 3))
    assert scores(module, gallery, np.ones((4, 3)), [0, 1, 2, 3]) == (0, 0)


def test_files_equal_to_the_original_are_the_original(module):
    gallery, copies = [[1, 0], [1, 0], [0, 1]], [[1, 0.1]]
    assert scores(module, gallery, copies, [1])[0] == 0.0
    twins = module.first_index_of_duplicate([b"same", b"same", b"other"])
    assert twins.tolist() == [0, 0, 2]
    assert scores(module, gallery, copies, [1], twins)[0] == 1.0


def test_copies_are_parts_of_the_image_and_the_same_each_time(module):
    import tensorflow as tf

    ramp = np.repeat(np.arange(200, dtype=np.uint8)[:, None], 200, axis=1)
    image = tf.io.encode_png(np.repeat(ramp[..., None], 3, axis=2)).numpy()
    copies = module.changed_copies(image, 3)
    assert copies == module.changed_copies(image, 3)
    assert copies != module.changed_copies(image, 4)
    assert len(set(copies)) == len(copies) == 4
    for copy in copies:
        pixels = tf.io.decode_jpeg(copy).numpy()
        # Brighter from top to bottom still.
        assert int(pixels[-3].mean()) - int(pixels[2].mean()) > 30
