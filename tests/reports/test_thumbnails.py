import base64
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_dvml.reports import thumbnails
from keras_dvml.reports.thumbnails import (
    square_thumbnail,
    thumbnail_grid,
    thumbnail_sheet,
    thumbnail_uri,
)

ENCODERS = [
    tf.io.encode_png,
    lambda image: tf.io.encode_jpeg(image, quality=98),
]


def halves(height, width):
    """Left half red, right half blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2, 0] = 250
    image[:, width // 2 :, 2] = 250
    return image


def decode(uri):
    prefix = "data:image/jpeg;base64,"
    assert uri.startswith(prefix)
    encoded = base64.b64decode(uri.removeprefix(prefix))
    return tf.io.decode_jpeg(encoded).numpy().astype(int)


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("shape", [(300, 700), (1201, 903), (64, 64)])
def test_thumbnail_is_the_centre_square(encode, shape):
    image_bytes = encode(halves(*shape)).numpy()
    thumbnail = square_thumbnail(image_bytes, 48).astype(int)
    assert thumbnail.shape == (48, 48, 3)
    # Red left of the middle, blue right of it, whatever was cut off.
    np.testing.assert_allclose(thumbnail[24, 12], [250, 0, 0], atol=12)
    np.testing.assert_allclose(thumbnail[24, 36], [0, 0, 250], atol=12)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_thumbnail_is_upright(kind):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # To be turned by a quarter, clockwise.
    Image.fromarray(halves(300, 400)).save(file, kind, exif=exif)
    thumbnail = square_thumbnail(file.getvalue(), 48).astype(int)
    np.testing.assert_allclose(thumbnail[12, 24], [250, 0, 0], atol=12)
    np.testing.assert_allclose(thumbnail[36, 24], [0, 0, 250], atol=12)


def test_small_images_keep_their_size():
    image_bytes = tf.io.encode_png(halves(20, 30)).numpy()
    assert square_thumbnail(image_bytes, 48).shape == (20, 20, 3)


@pytest.mark.parametrize("encode", ENCODERS)
def test_grey_images_get_three_channels(encode):
    image_bytes = encode(np.full((60, 60, 1), 80, np.uint8)).numpy()
    thumbnail = square_thumbnail(image_bytes, 48).astype(int)
    np.testing.assert_allclose(thumbnail, 80, atol=3)


@pytest.mark.parametrize(
    "image_bytes", [b"", b"no image", b"\xff\xd8", b"\x89PNG\r\n\x1a\n broken"]
)
def test_what_cannot_be_decoded_is_grey(image_bytes, caplog):
    thumbnail = square_thumbnail(image_bytes, 48)
    assert thumbnail.shape == (48, 48, 3)
    assert len(np.unique(thumbnail)) == 1
    assert "shown in grey" in caplog.text


def test_uri_holds_the_thumbnail():
    uri = thumbnail_uri(tf.io.encode_png(halves(200, 200)).numpy(), 96)
    image = decode(uri)
    assert image.shape == (96, 96, 3)
    np.testing.assert_allclose(image[48, 10], [250, 0, 0], atol=12)


def test_sheet_holds_the_tiles_row_by_row_without_bleeding():
    values = np.array(
        [[250, 0, 0], [0, 250, 0], [0, 0, 250], [9, 9, 9], [250] * 3]
    )
    images = [
        tf.io.encode_png(np.full((30, 30, 3), value, np.uint8)).numpy()
        for value in values
    ]
    uri, columns = thumbnail_sheet(images, 48)
    sheet = decode(uri)
    # 5 tiles: 3 columns, 2 rows.
    assert columns == 3 and sheet.shape == (96, 144, 3)
    for i, value in enumerate(values):
        top, left = i // 3 * 48, i % 3 * 48
        tile = sheet[top + 1 : top + 47, left + 1 : left + 47]
        np.testing.assert_allclose(
            tile, np.broadcast_to(value, tile.shape), atol=6
        )


def test_grid_holds_rows_of_pictures_of_any_size():
    def grey(value, size):
        image = np.full((size, size, 3), value, np.uint8)
        return tf.io.encode_png(image).numpy()

    grid = thumbnail_grid([[grey(10, 40), grey(80, 8)]] * 2, 16)
    assert grid.shape == (32, 32, 3)
    np.testing.assert_allclose(grid[:, :16], 10, atol=1)
    np.testing.assert_allclose(grid[:, 16:], 80, atol=1)


def test_large_sheet_loses_quality_and_not_tiles(monkeypatch):
    random = np.random.default_rng(0)
    images = [
        tf.io.encode_png(random.integers(0, 256, (48, 48, 3), np.uint8)).numpy()
        for _ in range(16)
    ]
    whole, _ = thumbnail_sheet(images, 48)
    monkeypatch.setattr(thumbnails, "_SHEET_BYTES", len(whole) // 2)
    smaller, columns = thumbnail_sheet(images, 48)
    # Of base64, 4 characters are 3 bytes.
    assert len(smaller) <= len(whole) // 2 * 4 / 3 + 30
    assert columns == 4 and decode(smaller).shape == (192, 192, 3)
