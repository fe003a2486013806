"""Random changes of a training image, as functions of an explicit seed."""

import tensorflow as tf


def random_resized_crop(image, seed, min_area=0.16, mirrored=True):
    """Crops a random part, resizes it back and mirrors it half of the time.

    Args:
        image: `(height, width, 3)` tensor, 0..255.
        seed: `(2,)` integer tensor. The same seed gives the same change.
        min_area: float in 0..1. Smallest share of the area that is kept.
        mirrored: bool. Whether to mirror left to right; not for characters.

    Returns:
        `(height, width, 3)` uint8 tensor.
    """
    shape = tf.shape(image)
    seeds = tf.random.experimental.stateless_split(seed, 2)
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        seed=seeds[0],
        min_object_covered=0.0,
        area_range=(min_area, 1.0),
        aspect_ratio_range=(3 / 4, 4 / 3),
        use_image_if_no_bounding_boxes=True,
    )
    cropped = tf.slice(image, begin, size)
    resized = tf.image.resize(cropped, shape[:2], antialias=True)
    resized = tf.saturate_cast(tf.round(resized), tf.uint8)
    resized = tf.ensure_shape(resized, image.shape)
    if not mirrored:
        return resized
    return tf.image.stateless_random_flip_left_right(resized, seeds[1])


def random_shift(image, seed, max_pixels=4):
    """Moves an image by up to `max_pixels` each way, mirroring its edges.

    Args:
        image: `(height, width, 3)` tensor.
        seed: `(2,)` integer tensor. The same seed gives the same change.
        max_pixels: int >= 0. Largest shift in pixels.

    Returns:
        `(height, width, 3)` tensor of the same dtype.
    """
    pad = [[max_pixels, max_pixels], [max_pixels, max_pixels], [0, 0]]
    padded = tf.pad(image, pad, mode="REFLECT")
    return tf.image.stateless_random_crop(padded, tf.shape(image), seed)
