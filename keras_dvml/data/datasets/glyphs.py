"""The glyphs data set as TensorFlow Datasets builder."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from keras_dvml.data.datasets import (
    glyph_classes,
    glyph_difficulty,
    glyph_rendering,
)
from keras_dvml.data.datasets.tfds_import import epath, tfds

_DESCRIPTION = """\
Characters drawn from the fonts that ship inside matplotlib, for metric
learning: 300 classes of 40 images in three splits without a class in common.
`train` and `test` vary in font, pose, light, colour, texture, blur, noise and
occlusion as far as the config says; `pretrain` holds other scripts and
symbols, drawn cleanly. No two characters look alike, nor does one look like
another one or itself after a quarter turn. Nothing is downloaded.
"""


@dataclasses.dataclass(eq=False, kw_only=True)
class GlyphsConfig(tfds.core.BuilderConfig):
    """One difficulty of the data set.

    Args:
        difficulty: `"easy"`, `"default"` or `"hard"`.
        num_classes: In 1..100. Classes of each split.
        images_per_class: At least 1.
        seed: At least 0.
    """

    difficulty: str = "default"
    num_classes: int = 100
    images_per_class: int = glyph_rendering.IMAGES_PER_CLASS
    seed: int = glyph_rendering.SEED


class Glyphs(tfds.core.GeneratorBasedBuilder):
    """Draws the glyphs data set; see `load_glyphs` for plain arrays.

    `builder.download_and_prepare()` draws it in some 15 s.

    Example:
        >>> import keras_dvml.data.datasets, tensorflow_datasets as tfds
        >>> builder = tfds.builder("glyphs/default", data_dir=data_dir)
        >>> builder.info.features["label"].num_classes
        300
    """

    builder_config: GlyphsConfig
    # TFDS looks this up with importlib_resources, which it does not require.
    code_path = epath.Path(__file__)

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        GlyphsConfig(
            name=name,
            difficulty=name,
            description=f"Characters under {name} conditions.",
        )
        for name in glyph_difficulty.DIFFICULTIES
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "default"

    def _info(self) -> tfds.core.DatasetInfo:
        shape = (glyph_rendering.IMAGE_SIZE, glyph_rendering.IMAGE_SIZE, 3)
        names = list(glyph_classes.CLASS_NAMES)
        features = {
            "image": tfds.features.Image(shape=shape, encoding_format="png"),
            "label": tfds.features.ClassLabel(names=names),
            "id": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        del dl_manager  # Nothing to download.
        splits = glyph_classes.SPLITS
        return {split: self._generate_examples(split) for split in splits}

    def _generate_examples(
        self, split: str
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        config = self.builder_config
        difficulty = glyph_difficulty.split_difficulty(split, config.difficulty)
        for character in glyph_classes.characters(split)[: config.num_classes]:
            name = glyph_classes.class_name(character)
            for index in range(config.images_per_class):
                image = glyph_rendering.draw_glyph(
                    character, index, difficulty, seed=config.seed
                )
                image_id = f"{name}-{index:02d}"
                png = glyph_rendering.encode_png(image)
                yield image_id, {"image": png, "label": name, "id": image_id}
