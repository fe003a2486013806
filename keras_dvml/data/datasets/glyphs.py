"""The glyphs data set as TensorFlow Datasets builder."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from keras_dvml.data.datasets.glyph_classes import (
    CLASS_NAMES,
    SPLITS,
    characters,
    class_name,
)
from keras_dvml.data.datasets.glyph_difficulty import (
    DIFFICULTIES,
    split_difficulty,
)
from keras_dvml.data.datasets.glyph_rendering import (
    IMAGE_SIZE,
    IMAGES_PER_CLASS,
    SEED,
    draw_glyph,
    encode_png,
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
    images_per_class: int = IMAGES_PER_CLASS
    seed: int = SEED


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
        for name in DIFFICULTIES
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "default"

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(IMAGE_SIZE, IMAGE_SIZE, 3),
                        encoding_format="png",
                    ),
                    "label": tfds.features.ClassLabel(names=list(CLASS_NAMES)),
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        del dl_manager  # Nothing to download.
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(
        self, split: str
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        config = self.builder_config
        difficulty = split_difficulty(split, config.difficulty)
        for character in characters(split)[: config.num_classes]:
            name = class_name(character)
            for index in range(config.images_per_class):
                image = draw_glyph(
                    character, index, difficulty, seed=config.seed
                )
                image_id = f"{name}-{index:02d}"
                png = encode_png(image)
                yield image_id, {"image": png, "label": name, "id": image_id}
