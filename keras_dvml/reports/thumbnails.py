"""Encoded images of any size to small pictures inside an HTML file."""

import base64
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from keras_dvml.data import image_headers, images, orientation

logger = logging.getLogger(__name__)
#: Side in pixels of a picture in a row of pictures.
TILE = 64
_GREY = 160
_QUALITY = 85
# Of a sheet, the first at which it takes no more than that many bytes.
_SHEET_QUALITIES = (85, 75, 65, 50, 35)
_SHEET_BYTES = 8_000_000
_THREADS = 4  # each may hold a whole decoded image


def square_thumbnail(image_bytes: bytes, size: int) -> np.ndarray:
    """Returns the centre square of an image, at most `size` pixels wide.

    Smaller images keep their size. What cannot be decoded becomes a grey
    square: one bad picture must not cost the report.

    Args:
        image_bytes: As for `data.decode_image`.
        size: Largest side of the result, in pixels.

    Returns:
        `(side, side, 3)` uint8 array, `side <= size`.
    """
    try:
        file = images.opened(tf.constant(image_bytes))
        image = _decode(file, size)
        height, width = tf.shape(image)[:2].numpy()
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        # Of a huge image every n-th pixel is plenty, and resizing in float32
        # would otherwise take four times its memory.
        step = max(1, side // (4 * size))
        image = image[top : top + side : step, left : left + side : step]
        side = -(-side // step)
        image = _resize(image, size) if side > size else image
        image = tf.convert_to_tensor(image)
        return orientation.upright(image, file.orientation).numpy()
    except (tf.errors.OpError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        logger.warning("A picture is shown in grey: %s", reason)
        return np.full((size, size, 3), _GREY, np.uint8)


def thumbnail_jpeg(image_bytes: bytes, size: int) -> bytes:
    """Returns the thumbnail of an encoded image as a JPEG."""
    return _jpeg(square_thumbnail(image_bytes, size))


def thumbnail_uri(image_bytes: bytes, size: int) -> str:
    """Returns the thumbnail of an encoded image as a data URI."""
    return _data_uri(thumbnail_jpeg(image_bytes, size))


def thumbnail_sheet(images: Sequence[bytes], tile: int) -> tuple[str, int]:
    """Draws all thumbnails onto one picture, row by row.

    One JPEG of 1,500 tiles is a third of the size of 1,500 JPEGs, and the
    browser decodes it once. Where there are so many tiles that it would grow
    large, they lose some quality.

    Args:
        images: Encoded images, at least one.
        tile: Side of a tile in pixels; a multiple of 16, the block of JPEG
            with halved colours, so that tiles do not bleed.

    Returns:
        The sheet as a data URI, and its number of columns.
    """
    columns = int(np.ceil(np.sqrt(len(images))))
    with ThreadPoolExecutor(_THREADS) as threads:
        tiles = threads.map(
            lambda image_bytes: _tile(image_bytes, tile), images
        )
        sheet = _arranged(list(tiles), columns)
    for quality in _SHEET_QUALITIES:
        encoded = _jpeg(sheet, quality)
        if len(encoded) <= _SHEET_BYTES:
            break
    return _data_uri(encoded), columns


def thumbnail_grid(
    rows: Sequence[Sequence[bytes]], tile: int = TILE
) -> np.ndarray:
    """Draws rows of thumbnails onto one picture.

    Args:
        rows: Encoded images, the rows all of one length, at least one.
        tile: Side of a tile in pixels.

    Returns:
        `(len(rows) * tile, len(rows[0]) * tile, 3)` uint8 array.
    """
    tiles = [_tile(image_bytes, tile) for row in rows for image_bytes in row]
    return _arranged(tiles, len(rows[0]))


def grid_uri(rows: Sequence[Sequence[bytes]]) -> str:
    """Returns `thumbnail_grid` as a data URI."""
    return _data_uri(_jpeg(thumbnail_grid(rows)))


def _arranged(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Returns tiles row by row as one picture; it ends in black ones."""
    rows, side = -(-len(tiles) // columns), len(tiles[0])
    sheet = np.zeros((rows * columns, side, side, 3), np.uint8)
    sheet[: len(tiles)] = tiles
    sheet = sheet.reshape(rows, columns, side, side, 3).swapaxes(1, 2)
    return sheet.reshape(rows * side, columns * side, 3)


def _decode(file: image_headers.ImageFile, size: int) -> tf.Tensor:
    if int(file.kind) == image_headers.JPEG:
        # JPEG decodes to a half, a quarter or an eighth in a fraction of
        # the time: a folder of 12-megapixel photographs stays quick.
        shape = tf.io.extract_jpeg_shape(file.image_bytes)
        shrink = int(tf.reduce_min(shape[:2])) // size
        ratio = max(r for r in (1, 2, 4, 8) if r <= max(1, shrink))
        return tf.io.decode_jpeg(file.image_bytes, channels=3, ratio=ratio)
    return images.decoded(file)


def _tile(image_bytes: bytes, side: int) -> np.ndarray:
    thumbnail = square_thumbnail(image_bytes, side)
    return thumbnail if len(thumbnail) == side else _resize(thumbnail, side)


def _resize(image: np.ndarray | tf.Tensor, size: int) -> np.ndarray:
    resized = tf.image.resize(image, (size, size), antialias=True)
    return tf.cast(tf.clip_by_value(resized + 0.5, 0, 255), tf.uint8).numpy()


def _jpeg(image: np.ndarray, quality: int = _QUALITY) -> bytes:
    return tf.io.encode_jpeg(image, quality=quality).numpy()


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
