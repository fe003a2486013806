"""Files that TensorFlow cannot decode, or reads wrongly, are converted."""

import importlib.util
import io
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

import keras_dvml as kd
from keras_dvml.data import image_headers

heif = pytest.mark.skipif(
    not importlib.util.find_spec("pillow_heif"),
    reason="needs pillow-heif",
)
TAG = 0x0112


def image(mode="RGB", size=(40, 40)):
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    pixels = np.stack([rows * 6, columns * 6, rows + columns], 2)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def turned_exif(orientation):
    exif = Image.Exif()
    exif[TAG] = orientation
    return exif


def by_pillow(image_bytes):
    with Image.open(io.BytesIO(image_bytes)) as opened:
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


FRAMES = [image(), image().rotate(90)]
CONVERTED = {
    "TIFF": saved(image(), "TIFF"),
    "TIFF of CMYK": saved(image("CMYK"), "TIFF", compression="tiff_lzw"),
    "TIFF of two": saved(
        FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]
    ),
    "turned TIFF": saved(image(), "TIFF", exif=turned_exif(6)),
    "AVIF": saved(image(), "AVIF"),
    "turned AVIF": saved(image(), "AVIF", exif=turned_exif(8)),
    "BMP": saved(image("P"), "BMP"),
    "WebP": saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_converted_file_is_what_pillow_shows(name):
    readable = kd.data.readable_image(CONVERTED[name])
    np.testing.assert_array_equal(
        kd.data.decode_image(readable.image_bytes, 40),
        by_pillow(CONVERTED[name]),
    )
    kind = name.replace("turned ", "").split()[0]
    expected = [f"converted from {kind}"]
    expected += ["turned"] * name.startswith("turned")
    expected += ["first frame of several"] * (name in ("TIFF of two", "WebP"))
    assert list(readable.changes) == expected
    assert readable.is_square


def test_file_that_tensorflow_reads_stays_as_it_is():
    for kind in ("JPEG", "PNG", "GIF", "BMP"):
        image_bytes = saved(image(size=(40, 30)), kind)
        expected = kd.data.ReadableImage(image_bytes, (), False)
        assert kd.data.readable_image(image_bytes) == expected
    turned = saved(image(), "JPEG", exif=turned_exif(3))
    assert kd.data.readable_image(turned).changes == ("turned",)
    gif = saved(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:])
    assert kd.data.readable_image(gif).changes == ("first frame of several",)


@heif
def test_heic_is_converted_upright():
    import pillow_heif

    pillow_heif.register_heif_opener()
    heic = saved(image(size=(64, 48)), "HEIF", quality=90)
    with pytest.raises(ValueError, match="received HEIC"):
        kd.data.check_image(heic)
    readable = kd.data.readable_image(heic)
    assert readable.changes == ("converted from HEIC",)
    expected = by_pillow(heic)[:, 8:56]
    found = kd.data.decode_image(readable.image_bytes, 48)
    np.testing.assert_array_equal(found, expected)


def test_heic_is_refused_with_what_would_read_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    heic = b"\0\0\0\x18ftypheic" + bytes(100)
    with pytest.raises(ValueError, match="received HEIC.*pip install"):
        kd.data.readable_image(heic)


def test_sixteen_bits_of_grey_become_their_high_ones():
    values = (np.arange(1600).reshape(40, 40) * 40).astype(np.uint16)
    for kind in ("TIFF", "PNG"):
        readable = kd.data.readable_image(saved(Image.fromarray(values), kind))
        decoded = kd.data.decode_image(readable.image_bytes, 40)
        np.testing.assert_array_equal(decoded[..., 0], values >> 8)


@pytest.mark.parametrize(
    ("image_bytes", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "received other bytes"),
        (saved(image(), "TIFF")[:200], "corrupt image|TIFF"),
        (saved(image(), "AVIF")[:300], "corrupt image|AVIF"),
        (saved(image(), "PNG")[:60], "corrupt image"),
        (saved(image(), "JPEG")[:300], "corrupt image"),
    ],
)
def test_what_nobody_reads_is_refused_with_the_reason(image_bytes, reason):
    with pytest.raises(ValueError, match=reason):
        kd.data.readable_image(image_bytes)


def test_large_image_is_refused_before_pillow_reads_it(monkeypatch):
    tiff = saved(image(), "TIFF")
    monkeypatch.setattr(image_headers, "MAX_PIXELS", 1599)
    with pytest.raises(ValueError, match="at most 1599 pixels.* 40 40"):
        kd.data.readable_image(tiff)
