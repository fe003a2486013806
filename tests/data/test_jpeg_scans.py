"""A JPEG file of thousands of scans costs no more than an image may."""

import contextlib
import io
import struct
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_dvml as kd
from keras_dvml.data import jpeg_segments


def segment(mark, content):
    length = struct.pack(">H", 2 + len(content))
    return bytes([0xFF, mark]) + length + content


def jpeg_of_scans(side, num_scans, between=b""):
    """A grey square whose scans behind the first hold nothing."""
    num_blocks = (-(-side // 8)) ** 2
    tables = segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0")
    tables += segment(0xC4, b"\x10" + bytes([1, 1] + [0] * 14) + b"\xe0\0")
    frame = struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"
    jpeg = b"\xff\xd8" + segment(0xDB, b"\0" + bytes([1] * 64))
    jpeg += segment(0xC2, frame) + tables
    jpeg += segment(0xDA, b"\1\1\0\0\0\0") + bytes(num_blocks // 8 + 1)
    # A run of 2 ** 14 + 2 ** 14 - 1 empty blocks in 15 bits, then a filling.
    runs = -(-num_blocks // (2**15 - 1))
    bits = ("0" + "1" * 14) * runs
    bits += "1" * (-len(bits) % 8)
    content = int(bits, 2).to_bytes(len(bits) // 8, "big")
    content = content.replace(b"\xff", b"\xff\0")
    scan = segment(0xDA, b"\1\1\0\1\x3f\0") + content
    return jpeg + between + scan * num_scans + b"\xff\xd9"


@pytest.mark.parametrize(
    "between",
    [
        b"",
        # What would hide the scans, were the file read in another way.
        segment(0xFE, b"\xff\xd9"),
        b"\xff\xd0\xff\xda",
    ],
)
def test_jpeg_of_many_scans_is_refused_at_once(between):
    jpeg = jpeg_of_scans(8000, 400, between)
    begin = time.process_time()
    # Of scans that are hidden from it the decoder sees none either.
    refused = pytest.raises(ValueError, match="at most 100 scans")
    with refused if not between else contextlib.suppress(ValueError):
        kd.data.check_image(jpeg)
    # Decoding it takes 5 seconds.
    assert time.process_time() - begin < 3


def test_scans_in_front_of_the_first_are_counted():
    # A header that jumps over scans, were every mark followed by a length.
    jpeg = jpeg_of_scans(8000, 400)
    with pytest.raises(ValueError, match="at most 100 scans"):
        kd.data.check_image(jpeg[:2] + b"\xff\xd0" + jpeg[2:])


def test_small_jpeg_may_have_many_scans():
    kd.data.check_image(jpeg_of_scans(80, 400))


def progressive(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", progressive=True)
    return file.getvalue()


def test_what_lies_behind_an_image_is_not_counted(monkeypatch):
    random = np.random.default_rng(0)
    jpeg = progressive(random.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    moving = jpeg + b"\xff\xda" * 500
    # As of an image of 64 megapixels.
    monkeypatch.setattr(jpeg_segments, "MAX_SCANNED_PIXELS", 100 * 64 * 64)
    expected = np.asarray(Image.open(io.BytesIO(jpeg)))
    np.testing.assert_array_equal(kd.data.decode_image(moving, 64), expected)
    # The scans themselves are: ten, as programs write them.
    monkeypatch.setattr(jpeg_segments, "MAX_SCANNED_PIXELS", 9 * 64 * 64)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most"):
        kd.data.decode_image(jpeg, 64)
    monkeypatch.setattr(jpeg_segments, "MAX_SCANNED_PIXELS", 10 * 64 * 64)
    np.testing.assert_array_equal(kd.data.decode_image(jpeg, 64), expected)
