"""Every file is what Pillow reads, or refused by name."""

import io
import pathlib
import runpy

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

import keras_dvml as kd
from keras_dvml.data.image_headers import DECODES_WEBP

CORPUS = runpy.run_path(str(pathlib.Path(__file__).parent / "image_corpus.py"))
SIDE = CORPUS["SIDE"]


@pytest.fixture(scope="module")
def served():
    return tf.function(
        lambda files: kd.data.decode_images(files, SIDE)
    ).get_concrete_function(tf.TensorSpec([None], tf.string))


def by_pillow(content):
    with Image.open(io.BytesIO(content)) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            # Pillow makes white of most of it; the high byte is right.
            high = (np.asarray(image) >> 8).astype(np.uint8)
            return np.repeat(high[..., None], 3, axis=2)
        return np.asarray(image.convert("RGB"))


def is_served(name):
    kind, *flavour = name.split()
    if kind == "WEBP":
        return DECODES_WEBP and "animated" not in flavour
    if kind == "BMP":
        return flavour[0] in ("RGB", "RGBA")
    return kind not in ("TIFF", "AVIF")


def test_every_good_file_is_what_pillow_reads_or_refused_by_name(served):
    files = CORPUS["good_files"]()
    wrong = {}
    for name, content in files.items():
        expected = by_pillow(content)
        readable = kd.data.readable_image(content)
        assert (readable.image_bytes == content) == is_served(name), name
        found = served(tf.constant([readable.image_bytes]))[0].numpy()
        difference = np.abs(found.astype(int) - expected).max()
        # CMYK becomes RGB by different roundings.
        if difference > ("CMYK" in name):
            wrong[name] = difference
        if not is_served(name):
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="must be JPEG.*received"
            ):
                served(tf.constant([content]))
    assert not wrong
    assert len(files) > 150


def test_every_bad_file_is_refused_with_a_reason(served):
    refused = {}
    for name, content in CORPUS["bad_files"]().items():
        with pytest.raises(tf.errors.InvalidArgumentError):
            served(tf.constant([content]))
        with pytest.raises(ValueError) as error:
            kd.data.readable_image(content)
        refused[name] = str(error.value)
    assert all(refused.values())
    assert "other bytes" in refused["text"]
