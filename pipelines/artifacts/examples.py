"""An Examples artifact: its files, and the images in them."""

from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

import keras_dvml as kd


def example_files(
    examples: standard_artifacts.Examples, *splits: str
) -> list[str]:
    """Returns glob patterns of the files of an Examples artifact.

    Args:
        examples: the artifact.
        *splits: names of splits; all when none is given.
    """
    names = splits or artifact_utils.decode_split_names(examples.split_names)
    return [
        io_utils.all_files_pattern(
            artifact_utils.get_split_uri([examples], name)
        )
        for name in names
    ]


def class_names(images: kd.data.EncodedImages) -> set[str]:
    """Returns the names of the classes of images, or their labels.

    Args:
        images: none without labels have a class.
    """
    if images.labels is None:
        return set()
    rows = zip(images.label_names, images.labels, strict=True)
    return {str(name) or str(label) for name, label in rows}


def load_images(
    examples: standard_artifacts.Examples, *splits: str
) -> kd.data.EncodedImages:
    """Reads the images of an Examples artifact, in the order of their ids.

    Args:
        examples: the artifact.
        *splits: names of splits; all when none is given.
    """
    return kd.data.load_examples(example_files(examples, *splits))
