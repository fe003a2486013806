import numpy as np
import pytest
import tensorflow as tf

from keras_dvml import ops


def random_images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def turned_by_numpy(images):
    return np.concatenate([np.rot90(images, t, (1, 2)) for t in range(4)])


@pytest.mark.parametrize(
    "dtype", ["uint8", "int64", "float16", "bfloat16", "float32", "bool"]
)
def test_blocks_are_the_turns_of_numpy(dtype):
    images = tf.cast(random_images(3, 5, 5, 2), dtype)
    turned = ops.four_turns(images)
    assert turned.dtype == dtype and turned.shape == (12, 5, 5, 2)
    np.testing.assert_array_equal(turned, turned_by_numpy(images.numpy()))


def test_one_image_gives_its_four_turns():
    image = random_images(4, 4, 3)
    np.testing.assert_array_equal(
        ops.four_turns(image), turned_by_numpy(image[None])
    )


@pytest.mark.parametrize("known", [True, False])
def test_turns_inside_tf_data_equal_eager_ones(known):
    images = random_images(2, 4, 4, 3)
    batches = tf.data.Dataset.from_generator(
        lambda: [images],
        output_signature=tf.TensorSpec(
            (None, 4, 4, 3) if known else (None, None, None, 3), tf.uint8
        ),
    ).map(ops.four_turns)
    (turned,) = batches.as_numpy_iterator()
    np.testing.assert_array_equal(turned, ops.four_turns(images))


def test_four_quarter_turns_compose_to_the_identity():
    images = random_images(2, 6, 6, 3)
    turned = images
    for _ in range(4):
        turned = ops.four_turns(turned)[2:4]
    np.testing.assert_array_equal(turned, images)


def test_resizing_and_turning_commute():
    # Else the rotation head could learn the resizing instead of the image.
    images = random_images(2, 24, 24, 3)

    def resized(images):
        return tf.image.resize(images, (10, 10), antialias=True)

    np.testing.assert_allclose(
        resized(ops.four_turns(images)),
        ops.four_turns(resized(images)),
        atol=1e-3,
    )


@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (4, 6, 3)])
def test_images_that_are_not_square_are_refused(shape):
    with pytest.raises(ValueError, match="square.*height 4 and width 6"):
        ops.four_turns(np.zeros(shape))


def test_images_found_not_to_be_square_in_a_graph_are_refused():
    turn = tf.function(
        ops.four_turns,
        input_signature=[tf.TensorSpec((None, None, None, 3))],
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="be square"):
        turn(tf.zeros((2, 4, 6, 3)))


def test_other_ranks_are_refused():
    with pytest.raises(ValueError, match=r"received \(4, 4\)"):
        ops.four_turns(np.zeros((4, 4)))


def test_rotation_loss_equals_a_loop():
    logits = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    total = 0.0
    for turn in range(4):
        for image in range(3):
            scores = np.exp(logits[3 * turn + image])
            total -= np.log(scores[turn] / scores.sum())
    loss = ops.rotation_loss(logits)
    np.testing.assert_allclose(loss, total / 12, rtol=1e-6)


def test_rotation_loss_falls_to_zero_where_every_turn_is_predicted():
    logits = 100.0 * np.repeat(np.eye(4), 5, axis=0)
    np.testing.assert_allclose(ops.rotation_loss(logits), 0.0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rotation_loss_is_float32(dtype):
    loss = ops.rotation_loss(tf.zeros((8, 4), dtype))
    assert loss.dtype == tf.float32
    # Four turns equally likely: log 4.
    np.testing.assert_allclose(loss, np.log(4), rtol=1e-6)


def test_turns_and_loss_compile():
    images = tf.cast(random_images(3, 2, 2, 1), tf.float32)

    def loss_of(images):
        return ops.rotation_loss(tf.reshape(ops.four_turns(images), (-1, 4)))

    compiled = tf.function(loss_of, jit_compile=True)
    np.testing.assert_allclose(compiled(images), loss_of(images), rtol=1e-5)


@pytest.mark.parametrize("shape", [(8, 3), (6, 4)])
def test_logits_in_no_blocks_of_four_turns_are_refused(shape):
    with pytest.raises(ValueError, match=r"logits must have shape \(4 \* b"):
        ops.rotation_loss(tf.zeros(shape))
