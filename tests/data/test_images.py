import struct

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.data import images


def picture(height=20, width=30, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (height, width, 3)).astype(np.uint8)


def png(pixels):
    return tf.io.encode_png(pixels).numpy()


def test_decoding_keeps_pixels_of_a_square_image_of_the_right_size():
    pixels = picture(16, 16)
    np.testing.assert_array_equal(
        kd.data.decode_image(tf.constant(png(pixels)), 16), pixels
    )


def test_decoding_takes_the_centre_square():
    # Columns 5..24 of 30 are the centre 20.
    pixels = picture(20, 30)
    np.testing.assert_array_equal(
        kd.data.decode_image(tf.constant(png(pixels)), 20), pixels[:, 5:25]
    )


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_resizing_and_turning_commute(turns):
    pixels = picture(40, 40)
    turned_first = kd.data.decode_image(png(np.rot90(pixels, turns)), 16)
    turned_last = np.rot90(kd.data.decode_image(png(pixels), 16), turns)
    # Rounding may differ by one grey level; a shortcut would be larger.
    difference = turned_first.numpy().astype(int) - turned_last
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("shape", [(9, 9, 1), (9, 9, 4), (1, 50, 3)])
def test_grey_transparent_and_thin_images_become_rgb(shape):
    pixels = np.full(shape, 77, np.uint8)
    decoded = kd.data.decode_image(png(pixels), 8)
    assert decoded.shape == (8, 8, 3)
    np.testing.assert_array_equal(decoded, 77)


def test_decoding_in_a_dataset_equals_eager():
    encoded = [png(picture(seed=seed)) for seed in range(3)]
    dataset = tf.data.Dataset.from_tensor_slices(encoded)
    dataset = dataset.map(lambda file: kd.data.decode_image(file, 12))
    batch = kd.data.decode_images(tf.constant(encoded), 12)
    np.testing.assert_array_equal(list(dataset.as_numpy_iterator()), batch)


def test_jpeg_gif_and_bmp_decode(tmp_path):
    pixels = np.full((10, 10, 3), 200, np.uint8)
    jpeg = tf.io.encode_jpeg(pixels).numpy()
    gif = (
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04"
        b"\x00\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D"
        b"\x01\x00;"
    )
    header = struct.pack("<2sIHHI", b"BM", 58, 0, 0, 54)
    header += struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)
    bmp = header + b"\x10\x20\x30\x00"
    for encoded in (jpeg, gif, bmp):
        kd.data.check_image(encoded)
        assert kd.data.decode_image(tf.constant(encoded), 4).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("image_bytes", "reason"),
    [
        (b"", "empty file"),
        (b"hello, I am a text", "must be JPEG, PNG, GIF.*other bytes"),
        (png(picture())[:200], "corrupt image: Invalid PNG data, size 200$"),
        (png(picture())[:12], "corrupt image: its header must hold a size"),
        (png(picture())[:24], "corrupt image: Invalid PNG.*[^:]$"),
        (
            tf.io.encode_jpeg(picture()).numpy()[:300],
            "corrupt image: Invalid JPEG data, size 300$",
        ),
    ],
)
def test_bad_images_are_named_with_the_reason(image_bytes, reason):
    with pytest.raises(ValueError, match=reason):
        kd.data.check_image(image_bytes)


def test_good_image_passes_the_check():
    kd.data.check_image(png(picture()))


def test_malformed_bytes_raise_invalid_argument():
    with pytest.raises(tf.errors.InvalidArgumentError):
        kd.data.decode_image(tf.constant(b"no image"), 8)


def test_batch_of_large_and_small_images_keeps_its_order(monkeypatch):
    encoded = [png(picture(*size)) for size in ((9, 9), (40, 40), (50, 41)) * 5]
    expected = [kd.data.decode_image(tf.constant(file), 8) for file in encoded]
    # Images of 40 x 40 pixels are large ones, then.
    monkeypatch.setattr(images, "_LARGE", 1500)
    decode = tf.function(lambda batch: kd.data.decode_images(batch, 8))
    for function in (decode, decode.python_function):
        np.testing.assert_array_equal(function(tf.constant(encoded)), expected)
        assert function(tf.constant([], tf.string)).shape == (0, 8, 8, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="PNG"):
        decode(tf.constant([*encoded[:5], encoded[1][:60], *encoded[5:]]))


@pytest.mark.slow
def test_batch_of_huge_images_takes_little_memory(tmp_path, run_forked):
    # 192 MB an image once it is decoded.
    huge = tf.io.encode_png(tf.zeros((8000, 8000, 3), tf.uint8)).numpy()
    (tmp_path / "huge.png").write_bytes(huge)
    printed = run_forked(
        """
import os, resource, sys
# As on a machine with that many processors.
os.environ["TF_NUM_INTEROP_THREADS"] = "10"
import tensorflow as tf
import keras_dvml as kd
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
decode = tf.function(
    lambda batch: kd.data.decode_images(batch, 8),
    input_signature=[tf.TensorSpec([None], tf.string)],
)
decode(tf.constant([tf.io.encode_png(tf.zeros((9, 9, 3), tf.uint8)).numpy()]))
before = peak()
decode(tf.constant([open(sys.argv[1], "rb").read()] * 10))
print(peak() - before)
""",
        tmp_path / "huge.png",
    )
    # Of one that waits to be freed and one that is being decoded.
    assert int(printed) < 3 * 192
