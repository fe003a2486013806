"""What the builders of data sets share that come as archives of images."""

import abc
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from keras_dvml.class_split import num_train_classes
from keras_dvml.data.datasets.tfds_import import epath, tfds

SPLITS = ("train", "test")
DownloadManager = tfds.download.DownloadManager
Examples = Iterator[tuple[str, dict[str, Any]]]


class ArchivedImage(NamedTuple):
    """An image as a data set's own lists have it.

    Attributes:
        image_id: its path in the archive, below the folder of the images.
        label: int >= 0.
        label_name: of its class.
    """

    image_id: str
    label: int
    label_name: str


#: Split name to its images.
Splits = dict[str, list[ArchivedImage]]


class SplitSize(NamedTuple):
    """How large a split is, as the papers count it."""

    num_classes: int
    num_images: int


@dataclasses.dataclass(eq=False, kw_only=True)
class ArchiveConfig(tfds.core.BuilderConfig):
    """How much of a data set the archive must hold.

    Args:
        is_whole: Whether all classes and images must be there.
    """

    is_whole: bool = True


class ArchiveBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Builds a data set for zero-shot retrieval from the archive it comes as.

    No class is in both splits. Images are stored as they lie in the archive;
    it is read as a stream and never unpacked. A subclass names its archive
    and reads the lists in it.
    """

    # TFDS looks this up with importlib_resources, which it does not require.
    code_path = epath.Path(__file__)

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        ArchiveConfig(name="whole", description="All classes and images."),
        ArchiveConfig(
            name="part",
            description="Whatever the archive holds, for trials.",
            is_whole=False,
        ),
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "whole"

    builder_config: ArchiveConfig
    #: Of the file in TFDS' folder of manual downloads.
    ARCHIVE = ""
    #: Folder in the archive that holds the images.
    IMAGES = ""
    NUM_CLASSES = 0
    #: Split name to `SplitSize`.
    SIZES = {}

    @abc.abstractmethod
    def list_images(self, dl_manager: DownloadManager) -> Splits:
        """Returns split name to its images."""

    def read_lists(
        self, dl_manager: DownloadManager, names: Iterable[str]
    ) -> list[str]:
        """Returns the texts of files in the archive, in the order of `names`.

        Args:
            dl_manager: of TFDS.
            names: paths in the archive.
        """
        names = list(names)
        texts = {}
        for path, file in dl_manager.iter_archive(self.archive(dl_manager)):
            if path in names:
                texts[path] = file.read().decode()
            if len(texts) == len(names):
                break
        missing = [name for name in names if name not in texts]
        if missing:
            raise ValueError(
                f"{self.ARCHIVE} must hold {names}; received one without "
                f"{missing}"
            )
        return [texts[name] for name in names]

    def archive(self, dl_manager: DownloadManager) -> epath.Path:
        """Returns the path of the archive, which must be there."""
        return manual_file(dl_manager, self.ARCHIVE)

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(num_classes=self.NUM_CLASSES),
            "label_name": tfds.features.Text(),
            "id": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(
        self, dl_manager: DownloadManager
    ) -> dict[str, Examples]:
        images = self.list_images(dl_manager)
        if self.builder_config.is_whole:
            _check_sizes(self.name, images, self.SIZES)
        return {
            split: self._generate_examples(
                dl_manager.iter_archive(self.archive(dl_manager)),
                images[split],
            )
            for split in SPLITS
        }

    def _generate_examples(
        self,
        files: Iterator[tuple[str, BinaryIO]],
        images: list[ArchivedImage],
    ) -> Examples:
        waiting = {f"{self.IMAGES}/{image.image_id}": image for image in images}
        for path, file in files:
            image = waiting.pop(path, None)
            if image is not None:
                example = {
                    "image": file.read(),
                    "label": image.label,
                    "label_name": image.label_name,
                    "id": image.image_id,
                }
                yield image.image_id, example
        if waiting:
            raise ValueError(
                f"{self.ARCHIVE} must hold all images that its lists name; "
                f"received it without {len(waiting)} of them, the first being "
                f"{next(iter(waiting))!r}"
            )


def manual_file(dl_manager: DownloadManager, name: str) -> epath.Path:
    """Returns the path of a file that people download themselves.

    Args:
        dl_manager: of TFDS.
        name: of the file.

    Raises:
        FileNotFoundError: If it is not there.
    """
    path = dl_manager.manual_dir / name
    if not path.exists():
        raise FileNotFoundError(f"{path} must exist; received no such file")
    return path


def split_by_class(images: list[ArchivedImage]) -> Splits:
    """Trains on the first half of the classes and tests on the last.

    Args:
        images: of all classes.

    Returns:
        Split name to images. Of an odd number of classes the larger half is
        trained on.
    """
    labels = sorted({image.label for image in images})
    # An archive that holds a part of a set may have a class or two.
    trained = set(labels[: num_train_classes(len(labels), min_classes=1)])
    return {
        "train": [image for image in images if image.label in trained],
        "test": [image for image in images if image.label not in trained],
    }


def _check_sizes(
    name: str, images: Splits, expected: dict[str, SplitSize]
) -> None:
    for split in SPLITS:
        classes = {image.label for image in images[split]}
        found = SplitSize(len(classes), len(images[split]))
        if found != expected[split]:
            raise ValueError(
                f"split {split!r} of {name} must have "
                f"{expected[split].num_classes:,} classes and "
                f"{expected[split].num_images:,} images; received "
                f"{found.num_classes:,} and {found.num_images:,}. For a part "
                f"of the set, use {name}/part"
            )
