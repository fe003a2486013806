"""CUB-200-2011 as it is split for retrieval of unseen classes."""

from keras_dvml.data.datasets.archived_images import (
    ArchiveBuilder,
    ArchivedImage,
    DownloadManager,
    Splits,
    SplitSize,
    split_by_class,
)

_LISTS = ("images.txt", "image_class_labels.txt", "classes.txt")


class Cub200Retrieval(ArchiveBuilder):
    """Photographs of 200 species of birds, half of them to test on.

    The first 100 classes are trained on, the last 100 tested on; the set's
    own split is not used. `builder.download_and_prepare()` wants
    `CUB_200_2011.tgz` in the folder of manual downloads.

    Example:
        >>> import keras_dvml.data.datasets, tensorflow_datasets as tfds
        >>> builder = tfds.builder("cub200_retrieval", data_dir=data_dir)
        >>> builder.info.features["label"].num_classes
        200

    Reference:
        [Wah et al., 2011](https://authors.library.caltech.edu/27452/)
    """

    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "CUB_200_2011.tgz of https://doi.org/10.22002/D1.20098"
    )
    ARCHIVE = "CUB_200_2011.tgz"
    IMAGES = "CUB_200_2011/images"
    NUM_CLASSES = 200
    SIZES = {"train": SplitSize(100, 5864), "test": SplitSize(100, 5924)}

    def list_images(self, dl_manager: DownloadManager) -> Splits:
        lists = [f"CUB_200_2011/{name}" for name in _LISTS]
        paths, labels, names = (
            # Each line has a number and what it denotes.
            dict(line.split() for line in text.splitlines())
            for text in self.read_lists(dl_manager, lists)
        )
        images = []
        for number, path in paths.items():
            label = labels[number]
            images.append(ArchivedImage(path, int(label) - 1, names[label]))
        return split_by_class(images)
