"""Stanford Online Products as it is split for retrieval of unseen classes."""

import csv

from keras_dvml.data.datasets.archived_images import (
    ArchiveBuilder,
    ArchivedImage,
    DownloadManager,
    Splits,
    SplitSize,
)

_LISTS = {"train": "Ebay_train.txt", "test": "Ebay_test.txt"}


class OnlineProductsRetrieval(ArchiveBuilder):
    """Photographs of 22,634 products of an auction site, half to test on.

    The set's own split, 11,318 products to train on and 11,316 others to test
    on. `builder.download_and_prepare()` wants `Stanford_Online_Products.zip`
    in the folder of manual downloads.

    Example:
        >>> import keras_dvml.data.datasets, tensorflow_datasets as tfds
        >>> builder = tfds.builder(
        ...     "online_products_retrieval", data_dir=data_dir)
        >>> builder.info.features["label"].num_classes
        22634

    Reference:
        [Song et al., 2016](https://arxiv.org/abs/1511.06452)
    """

    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Stanford_Online_Products.zip of "
        "https://cvgl.stanford.edu/projects/lifted_struct/"
    )
    ARCHIVE = "Stanford_Online_Products.zip"
    IMAGES = "Stanford_Online_Products"
    NUM_CLASSES = 22634
    SIZES = {
        "train": SplitSize(11318, 59551),
        "test": SplitSize(11316, 60502),
    }

    def list_images(self, dl_manager: DownloadManager) -> Splits:
        lists = [f"{self.IMAGES}/{name}" for name in _LISTS.values()]
        texts = self.read_lists(dl_manager, lists)
        return {
            split: [
                _image(row["path"], int(row["class_id"]))
                for row in csv.DictReader(text.splitlines(), delimiter=" ")
            ]
            for split, text in zip(_LISTS, texts, strict=True)
        }


def _image(path: str, class_id: int) -> ArchivedImage:
    # Such as "bicycle 00042" of "bicycle_final/...".
    category = path.partition("/")[0].removesuffix("_final")
    return ArchivedImage(path, class_id - 1, f"{category} {class_id:05d}")
