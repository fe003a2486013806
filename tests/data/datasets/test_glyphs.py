"""Tests of the glyphs data set."""

import importlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from keras_dvml.data.datasets import Glyphs, glyph_fonts, load_glyphs
from keras_dvml.data.datasets.glyph_classes import (
    CLASS_NAMES,
    SPLITS,
    characters,
)
from keras_dvml.data.datasets.glyph_difficulty import DIFFICULTIES
from keras_dvml.data.datasets.glyph_rendering import (
    IMAGES_PER_CLASS,
    draw_glyph,
    encode_png,
)
from keras_dvml.data.datasets.glyphs import GlyphsConfig


def test_there_are_three_splits_of_equal_size_and_270_classes_or_more():
    sizes = {len(characters(split)) for split in SPLITS}
    assert SPLITS == ("pretrain", "train", "test")
    assert len(sizes) == 1
    assert len(CLASS_NAMES) == 3 * sizes.pop() >= 270


def test_no_class_is_in_two_splits_or_twice_in_one():
    assert len(set(CLASS_NAMES)) == len(CLASS_NAMES)


@pytest.mark.parametrize("split", SPLITS)
def test_arrays_have_the_documented_shapes_types_and_labels(split):
    images, labels = load_glyphs(split, num_classes=3, images_per_class=2)
    first = 100 * SPLITS.index(split)
    assert images.shape == (6, 48, 48, 3)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert labels.tolist() == [first + c for c in (0, 0, 1, 1, 2, 2)]


def test_a_class_has_40_images_unless_told_otherwise():
    images, _ = load_glyphs("train", num_classes=1)
    assert len(images) == IMAGES_PER_CLASS == 40


def test_drawing_twice_gives_the_same_pixels():
    once, _ = load_glyphs("test", num_classes=4, images_per_class=5)
    again, _ = load_glyphs("test", num_classes=4, images_per_class=5)
    np.testing.assert_array_equal(once, again)


def test_pixels_do_not_depend_on_the_order_of_drawing():
    images, _ = load_glyphs("train", num_classes=2, images_per_class=3)
    alone = [
        draw_glyph(character, index, DIFFICULTIES["default"])
        for character in reversed(characters("train")[:2])
        for index in reversed(range(3))
    ]
    np.testing.assert_array_equal(images, np.stack(alone[::-1]))


def test_another_process_without_a_whole_tfds_draws_the_same_pixels():
    # Empty, as TFDS is where something that it imports is broken.
    code = (
        "import sys, types\n"
        "name = 'tensorflow_datasets'\n"
        "sys.modules[name] = types.ModuleType(name)\n"
        "from keras_dvml.data.datasets import load_glyphs\n"
        "images, _ = load_glyphs('train', 'hard', 2, 2)\n"
        "sys.stdout.buffer.write(images.tobytes())\n"
        "try:\n"
        "    from keras_dvml.data.datasets import Glyphs\n"
        "except ImportError as error:\n"
        "    assert 'pip install \"tensorflow-datasets>' in str(error), error\n"
        "else:\n"
        "    raise AssertionError('Glyphs was imported without TFDS')\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    ).stdout
    images, _ = load_glyphs("train", "hard", 2, 2)
    assert output == images.tobytes()


def test_another_seed_gives_other_pictures():
    images, _ = load_glyphs("train", num_classes=1, images_per_class=2)
    others, _ = load_glyphs("train", num_classes=1, images_per_class=2, seed=1)
    assert (images != others).any(axis=(1, 2, 3)).all()


def test_images_of_a_class_vary_more_from_easy_to_hard():
    spreads = [
        load_glyphs("train", config, 10, 10)[0]
        .reshape(10, 10, -1)
        .astype(float)
        .std(axis=1)
        .mean()
        for config in ("easy", "default", "hard")
    ]
    assert spreads == sorted(spreads)
    clean = load_glyphs("pretrain", "hard", 10, 10)[0].reshape(10, 10, -1)
    assert clean.astype(float).std(axis=1).mean() < spreads[0]


def test_no_clean_picture_is_blank_or_clipped():
    images, _ = load_glyphs("pretrain", images_per_class=3)
    dark = images.mean(axis=-1) < 110
    assert (dark.mean(axis=(1, 2)) > 0.02).all()
    border = np.ones((48, 48), bool)
    border[1:-1, 1:-1] = False
    assert not dark[:, border].any()


def test_pretrain_is_the_same_in_all_configs():
    easy, _ = load_glyphs("pretrain", "easy", 2, 2)
    hard, _ = load_glyphs("pretrain", "hard", 2, 2)
    np.testing.assert_array_equal(easy, hard)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "validation"}, "split must be one of .*'validation'"),
        ({"split": "train", "config": "mild"}, "config must be .*'mild'"),
        ({"split": "train", "num_classes": 101}, "num_classes .*101"),
        ({"split": "train", "images_per_class": 0}, "images_per_class .*0"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_glyphs(**arguments)


def test_png_holds_the_pixels():
    image = draw_glyph("K", 0, DIFFICULTIES["hard"])
    decoded = Image.open(io.BytesIO(encode_png(image)))
    np.testing.assert_array_equal(np.asarray(decoded), image)


@pytest.fixture(scope="module")
def tiny_builder(tmp_path_factory):
    builder = Glyphs(
        config=GlyphsConfig(
            name="tiny", difficulty="hard", num_classes=4, images_per_class=3
        ),
        data_dir=tmp_path_factory.mktemp("tfds"),
    )
    builder.download_and_prepare()
    return builder


@pytest.mark.parametrize("split", SPLITS)
def test_builder_stores_the_pixels_and_labels_of_load_glyphs(
    tiny_builder, split
):
    examples = sorted(
        tfds.as_numpy(tiny_builder.as_dataset(split=split)),
        key=lambda example: example["id"],
    )
    images, labels = load_glyphs(split, "hard", 4, 3)
    np.testing.assert_array_equal([e["image"] for e in examples], images)
    np.testing.assert_array_equal([e["label"] for e in examples], labels)
    expected_ids = [
        f"{CLASS_NAMES[label]}-{index % 3:02d}".encode()
        for index, label in enumerate(labels)
    ]
    assert [e["id"] for e in examples] == expected_ids


def test_builder_describes_classes_and_encoding(tiny_builder):
    features = tiny_builder.info.features
    assert features["label"].names == list(CLASS_NAMES)
    assert features["image"].shape == (48, 48, 3)
    assert features["image"].encoding_format == "png"
    assert tiny_builder.info.supervised_keys == ("image", "label")


def test_builder_is_found_by_name_in_three_difficulties(tmp_path):
    for config in ("easy", "default", "hard"):
        builder = tfds.builder(f"glyphs/{config}", data_dir=tmp_path)
        assert builder.builder_config.difficulty == config
    default = tfds.builder("glyphs", data_dir=tmp_path)
    assert default.builder_config.name == "default"


@pytest.mark.parametrize("package", ["matplotlib", "PIL"])
def test_a_missing_package_is_answered_with_the_extra(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match='pip install "tensorflow-datasets>'):
        # Stops at its imports, so what it defined before stays as it was.
        importlib.reload(glyph_fonts)
