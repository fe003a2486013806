"""Images that would decode to gigabytes are refused before they do."""

import functools
import io
import struct
import time
import zlib

import numpy as np
import psutil
import pytest
import tensorflow as tf
from PIL import Image

import keras_dvml as kd
from keras_dvml.data import image_headers

KINDS = ["JPEG", "PNG", "GIF", "BMP"]
WEBP = pytest.mark.skipif(
    not image_headers.DECODES_WEBP, reason="TensorFlow 2.15 decodes no WebP"
)


def encoded(kind, height=20, width=30, **options):
    file = io.BytesIO()
    pixels = np.full((height, width, 3), 120, np.uint8)
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def with_size(kind, image_bytes, height, width):
    """Returns a small file whose header is that of a large image."""
    edited = bytearray(image_bytes)
    if kind == "JPEG":
        place = image_bytes.index(b"\xff\xc0") + 5
        edited[place : place + 4] = struct.pack(">HH", height, width)
    elif kind == "PNG":
        edited[16:24] = struct.pack(">II", width, height)
        edited[29:33] = struct.pack(">I", zlib.crc32(edited[12:29]))
    elif kind == "GIF":
        edited[6:10] = struct.pack("<HH", width, height)
    else:
        edited[18:26] = struct.pack("<ii", width, height)
    return bytes(edited)


def gif_of_frames(frames):
    """A GIF file with a screen of 10 x 10 and frames of (height, width)."""
    file = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6)
    file += b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00!\xfe\x05hello\x00"
    for height, width in frames:
        file += b"!\xf9\x04\x00\x05\x00\x00\x00,"
        file += struct.pack("<HHHHB", 0, 0, width, height, 0)
        file += b"\x02" + lzw_of_zeros(height * width) + b"\x00"
    return file + b";"


def lzw_of_zeros(num_pixels):
    """Sub-blocks of codes of 3 bits: the table is cleared before it grows."""
    codes = [4, 0] * num_pixels + [5]
    bits = sum(code << 3 * place for place, code in enumerate(codes))
    content = bits.to_bytes((3 * len(codes) + 7) // 8, "little")
    parts = [content[i : i + 255] for i in range(0, len(content), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts)


@functools.cache
def decoder(max_pixels=image_headers.MAX_PIXELS):
    """Decodes in a graph, as a served model does: one for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_headers, "MAX_PIXELS", max_pixels)
        return tf.function(
            lambda files: kd.data.decode_images(files, 8)
        ).get_concrete_function(tf.TensorSpec([None], tf.string))


def decode(image_bytes, **limits):
    return decoder(**limits)(tf.constant([image_bytes]))


def memory_in_mb():
    return psutil.Process().memory_info().rss / 1e6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(8001, 8000), (60_000, 60_000)])
def test_header_of_a_huge_image_is_enough_to_refuse_it(kind, size):
    bomb = with_size(kind, encoded(kind), *size)
    before = memory_in_mb()
    with pytest.raises(tf.errors.InvalidArgumentError, match="64000000 pixels"):
        decode(bomb)
    assert memory_in_mb() - before < 100
    with pytest.raises(ValueError, match=f"width {size[0]} {size[1]}"):
        kd.data.check_image(bomb)


def png_of_zeros(side, first_chunk=()):
    """A black PNG file of one bit a pixel."""
    rows = zlib.compress(bytes(side * (1 + side // 8)), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n"
    for name, content in (
        *first_chunk,
        (b"IHDR", header),
        (b"IDAT", rows),
        (b"IEND", b""),
    ):
        checksum = zlib.crc32(name + content)
        file += struct.pack(">I", len(content)) + name + content
        file += struct.pack(">I", checksum)
    return file


def test_png_with_another_chunk_before_its_size_is_refused():
    # The decoder would take it, and the guard read a size of 1 x 1.
    chunk = (b"prVt", struct.pack(">II", 1, 1))
    with pytest.raises(tf.errors.InvalidArgumentError, match="hold a size"):
        decode(png_of_zeros(9_000, [chunk]))
    assert decode(png_of_zeros(16)).shape == (1, 8, 8, 3)


def test_gif_of_many_small_blocks_takes_no_time():
    gif = gif_of_frames([(10, 10)])
    comment = b"!\xfe" + b"\x01a" * 50_000 + b"\0"
    many = gif[:19] + comment + b"!\xfe\x01a\x00" * 5_000 + gif[19:]
    expected = decode(gif).numpy()
    begin = time.process_time()
    np.testing.assert_array_equal(decode(many), expected)
    # Block by block it were 4 seconds and more.
    assert time.process_time() - begin < 1.5


@WEBP
def test_webp_without_a_known_chunk_is_refused():
    webp = encoded("WEBP", lossless=True)
    # The decoder takes the bare stream too, whose size is elsewhere.
    bare = b"RIFF" + webp[4:12] + webp[20:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="hold a size"):
        decode(bare)


@WEBP
def test_transparent_webp_decodes():
    file = io.BytesIO()
    Image.new("RGBA", (20, 20), (10, 20, 30, 40)).save(
        file, "WEBP", lossless=True, exact=True
    )
    np.testing.assert_array_equal(
        decode(file.getvalue())[0, 4, 4], [10, 20, 30]
    )


def test_true_bomb_takes_no_memory():
    # 400 MB decoded, in 50 KB.
    bomb = png_of_zeros(20_000)
    assert len(bomb) < 100_000
    before = memory_in_mb()
    with pytest.raises(tf.errors.InvalidArgumentError, match="64000000 pixels"):
        decode(bomb)
    assert memory_in_mb() - before < 100


@pytest.mark.parametrize("kind", [*KINDS, pytest.param("WEBP", marks=WEBP)])
def test_image_at_the_limit_passes_its_guard(kind):
    assert decode(encoded(kind), max_pixels=600).shape == (1, 8, 8, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="20 30"):
        decode(encoded(kind), max_pixels=599)


@WEBP
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("size", [(20, 30), (300, 16_000), (16_383, 5)])
def test_webp_sizes_are_read_in_all_its_ways(lossless, size):
    for options in ({}, {"exif": b"Exif\0\0"}):
        webp = encoded("WEBP", *size, lossless=lossless, **options)
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=f"{size[0]} {size[1]}"
        ):
            decode(webp, max_pixels=1)


if not image_headers.DECODES_WEBP:

    def test_webp_is_refused_by_name():
        webp = encoded("WEBP")
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"received\W+WebP"
        ):
            decode(webp)
        with pytest.raises(ValueError, match="GIF or BMP; received WebP"):
            kd.data.check_image(webp)


def test_frames_behind_the_first_are_not_unpacked():
    frame = gif_of_frames([(10, 10)])
    # The headers of the later frames are of gigabytes.
    bomb = gif_of_frames([(10, 10), (10, 11), (10, 11)]).replace(
        struct.pack("<HH", 11, 10), struct.pack("<HH", 60_000, 60_000)
    )
    before = memory_in_mb()
    np.testing.assert_array_equal(decode(bomb), decode(frame))
    assert memory_in_mb() - before < 100


def test_first_frame_beyond_its_screen_is_refused():
    bomb = gif_of_frames([(10, 11)]).replace(
        struct.pack("<HH", 11, 10), struct.pack("<HH", 60_000, 60_000)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="64000000 pixels"):
        decode(bomb)


@pytest.mark.parametrize("size", [(1, 1), (9, 200), (40, 40)])
def test_gifs_of_other_writers_keep_their_first_frame(size):
    random = np.random.default_rng(0)
    frames = [
        Image.fromarray(random.integers(0, 256, (*size, 3)).astype(np.uint8))
        for _ in range(4)
    ]
    still, animated = io.BytesIO(), io.BytesIO()
    frames[0].save(still, "GIF")
    frames[0].save(
        animated, "GIF", save_all=True, append_images=frames[1:], loop=0
    )
    first = Image.open(animated).convert("RGB")
    np.testing.assert_array_equal(
        tf.io.decode_image(
            image_headers.guarded(tf.constant(animated.getvalue())).image_bytes,
            expand_animations=False,
        ),
        np.asarray(first),
    )
    np.testing.assert_array_equal(
        decode(animated.getvalue()), decode(still.getvalue())
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_cut_makes_anything_but_an_image_or_a_refusal(kind):
    image_bytes = encoded(kind)
    num_refused = 0
    for length in range(0, min(len(image_bytes), 120)):
        try:
            assert decode(image_bytes[:length]).shape == (1, 8, 8, 3)
        except tf.errors.InvalidArgumentError:
            num_refused += 1
    assert num_refused > 10


def test_images_without_pixels_are_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="hold a size"):
        decode(with_size("PNG", encoded("PNG"), 0, 30))
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(gif_of_frames([]))


@WEBP
@pytest.mark.parametrize("lossless", [False, True])
def test_animated_webp_is_refused_by_name(lossless):
    # TensorFlow's decoder frees memory twice where a frame has no alpha.
    file = io.BytesIO()
    frames = [Image.new("RGB", (32, 2), colour) for colour in ("red", "blue")]
    frames[0].save(
        file, "WEBP", save_all=True, append_images=frames[1:], lossless=lossless
    )
    for _ in range(3):
        with pytest.raises(ValueError, match="received an animated WebP"):
            kd.data.check_image(file.getvalue())
    with pytest.raises(tf.errors.InvalidArgumentError, match="animated WebP"):
        decode(file.getvalue())


@pytest.mark.parametrize(
    ("kind", "name"), [("AVIF", "AVIF"), ("TIFF", "TIFF"), ("PPM", "other")]
)
def test_other_kinds_are_refused_by_name(kind, name):
    with pytest.raises(ValueError, match=f"must be JPEG.*; received {name}"):
        kd.data.check_image(encoded(kind))


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_bmp_of_few_bits_is_refused_by_name(mode):
    file = io.BytesIO()
    Image.new(mode, (9, 9), 1).save(file, "BMP")
    with pytest.raises(ValueError, match="BMP of fewer than 24 bits"):
        kd.data.check_image(file.getvalue())


def test_bmp_with_transparency_decodes():
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), (10, 20, 30, 40)).save(file, "BMP")
    np.testing.assert_array_equal(
        decode(file.getvalue())[0, 4, 4], [10, 20, 30]
    )


def gif_of_two(palette, pixels, extension=b"", corner=(0, 0), screen=(4, 4)):
    """A GIF file of 4 x 4 pixels, each 0 or 1."""
    codes = [4] + [code for pixel in pixels for code in (pixel, 4)] + [5]
    bits = sum(code << 3 * place for place, code in enumerate(codes))
    content = bits.to_bytes((3 * len(codes) + 7) // 8, "little")
    file = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + palette
    file += extension + b"," + struct.pack("<HHHHB", *corner, 4, 4, 0)
    return file + b"\x02" + bytes([len(content)]) + content + b"\x00;"


def test_transparent_pixels_of_a_gif_keep_their_colour():
    palette, pixels = b"\x0a\x14\x1e\xff\x80\x40", [0, 1] * 8
    transparent = b"!\xf9\x04\x01\x00\x00\x01\x00"
    gif = gif_of_two(palette, pixels, b"!\xfe\x01a\x00" + transparent)
    expected = np.asarray(Image.open(io.BytesIO(gif)).convert("RGB"))
    assert expected[0, 1].tolist() == [255, 128, 64]
    np.testing.assert_array_equal(kd.data.decode_image(gif, 4), expected)


def test_gif_with_a_free_part_is_refused_by_name():
    palette = b"\x0a\x14\x1e\xff\x80\x40"
    for place in ({"corner": (1, 0)}, {"screen": (5, 4)}):
        with pytest.raises(ValueError, match="leaves part of its screen"):
            kd.data.check_image(gif_of_two(palette, [0, 1] * 8, **place))
