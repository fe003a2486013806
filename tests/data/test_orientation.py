"""Images are turned as their EXIF data say, in a graph as by Pillow."""

import functools
import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

import keras_dvml as kd
from keras_dvml.data import image_headers, images

KINDS = ["JPEG", "PNG"] + ["WEBP"] * image_headers.DECODES_WEBP
TAG = 0x0112


def picture(height=31, width=44):
    # Smooth, so that JPEG leaves it recognizable.
    rows, columns = np.mgrid[:height, :width]
    values = [rows * 8, columns * 5, (rows + columns) * 3]
    return np.stack(values, axis=2).clip(0, 255).astype(np.uint8)


def encoded(kind, exif, pixels=None):
    file = io.BytesIO()
    pixels = picture() if pixels is None else pixels
    options = {"WEBP": {"lossless": True, "exact": True}}.get(kind, {})
    Image.fromarray(pixels).save(file, kind, exif=exif, **options)
    return file.getvalue()


def pillow_exif(orientation):
    exif = Image.Exif()
    exif[TAG] = orientation
    return exif.tobytes()


def exif_of(order, entries, gap=0):
    """EXIF data with (tag, type, count, value of four bytes) entries."""
    data = {"<": b"II*\0", ">": b"MM\0*"}[order]
    data += struct.pack(order + "I", 8 + gap) + bytes(gap)
    data += struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        data += struct.pack(order + "HHI", tag, kind, count) + value
    return b"Exif\0\0" + data + bytes(4)


def by_pillow(image_bytes):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(image_bytes)))
    return np.asarray(image.convert("RGB"))


@functools.cache
def decoder(size, image_fit="crop"):
    return tf.function(
        lambda files: kd.data.decode_images(files, size, image_fit)
    ).get_concrete_function(tf.TensorSpec([None], tf.string))


def decode(image_bytes, size, image_fit="crop"):
    return decoder(size, image_fit)(tf.constant([image_bytes]))[0].numpy()


def square_of(pixels):
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_turns_are_those_of_pillow(kind, orientation):
    # 13 columns are free: one side has one more of them than the other.
    image_bytes = encoded(kind, pillow_exif(orientation))
    expected = square_of(by_pillow(image_bytes))
    np.testing.assert_array_equal(decode(image_bytes, 31), expected)
    eager = kd.data.decode_image(image_bytes, 31)
    np.testing.assert_array_equal(eager, expected)
    assert images.read_shape(image_bytes) == (31, 44, orientation)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("image_fit", ["crop", "pad", "stretch"])
def test_what_is_fitted_is_what_is_seen(orientation, image_fit):
    turned = encoded("PNG", pillow_exif(orientation))
    upright = encoded("PNG", b"", by_pillow(turned))
    found, expected = (
        decode(file, (16, 24), image_fit).astype(int)
        for file in (turned, upright)
    )
    assert np.abs(found - expected).max() <= 1


ORIENTATION = (TAG, 3, 1)
SHORT_6 = {"<": b"\6\0\0\0", ">": b"\0\6\0\0"}
LONG_6 = {"<": b"\6\0\0\0", ">": b"\0\0\0\6"}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", KINDS)
def test_orientation_is_found_wherever_pillow_finds_it(kind, order):
    other = (0x010F, 2, 4, b"abc\0")
    short = (*ORIENTATION, SHORT_6[order])
    for exif in (
        exif_of(order, [short]),
        exif_of(order, [other, short, other]),
        exif_of(order, [short], gap=100),
        exif_of(order, [(TAG, 4, 1, LONG_6[order])]),
        # The last one counts.
        exif_of(order, [(*ORIENTATION, b"\0\0\0\0"), short]),
    ):
        image_bytes = encoded(kind, exif)
        expected = square_of(by_pillow(image_bytes))
        assert images.read_shape(image_bytes)[2] == 6
        np.testing.assert_array_equal(decode(image_bytes, 31), expected)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0XX*\0" + bytes(20),
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        exif_of("<", [(*ORIENTATION, b"\x09\0\0\0")]),
        exif_of("<", [(*ORIENTATION, b"\0\0\0\0")]),
        exif_of("<", [(TAG, 2, 1, b"\6\0\0\0")]),
        exif_of("<", [(TAG, 3, 2, b"\6\0\6\0")]),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_exif_that_says_nothing_turns_nothing(kind, exif):
    assert images.read_shape(encoded(kind, exif)) == (31, 44, 1)


def jpeg_of_segments(segments):
    jpeg = encoded("JPEG", b"")
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def segment(mark, content):
    length = struct.pack(">H", 2 + len(content))
    return bytes([0xFF, mark]) + length + content


def test_exif_is_found_behind_other_segments_of_a_jpeg():
    exif = segment(0xE1, pillow_exif(6))
    decoy = b"\xff\xe1\x00\x40" + pillow_exif(3)
    for before in (
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0Exif\0\0"),
        segment(0xE2, b"ICC_PROFILE\0" + bytes(60_000)) * 3,
        segment(0xFE, decoy),
        segment(0xFE, b"x") * 300,
        b"\xff" * 5,
    ):
        image_bytes = jpeg_of_segments([before, exif])
        assert images.read_shape(image_bytes)[2] == 6
    # In a comment alone it is none.
    image_bytes = jpeg_of_segments([segment(0xFE, decoy)])
    assert images.read_shape(image_bytes)[2] == 1


def test_exif_behind_the_pixels_of_a_png_is_found():
    png, exif = encoded("PNG", b""), encoded("PNG", pillow_exif(8))
    begin = exif.index(b"eXIf") - 4
    (length,) = struct.unpack(">I", exif[begin : begin + 4])
    chunk = exif[begin : begin + 12 + length]
    png = png[:-12] + chunk + png[-12:]
    np.testing.assert_array_equal(decode(png, 31), square_of(by_pillow(png)))
    assert images.read_shape(png)[2] == 8


def test_pixels_of_jpeg_files_are_those_of_pillow():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (48, 48, 3)).astype(np.uint8)
    for mode in ("RGB", "L", "CMYK"):
        for options in (
            {},
            {"progressive": True},
            {"subsampling": 0},
            {"quality": 30},
        ):
            file = io.BytesIO()
            Image.fromarray(pixels).convert(mode).save(file, "JPEG", **options)
            np.testing.assert_array_equal(
                decode(file.getvalue(), 48), by_pillow(file.getvalue())
            )
