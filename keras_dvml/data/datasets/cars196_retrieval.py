"""Cars196 as it is split for retrieval of unseen classes."""

from keras_dvml.data.datasets.archived_images import (
    ArchiveBuilder,
    ArchivedImage,
    DownloadManager,
    Splits,
    SplitSize,
    manual_file,
    split_by_class,
)

_ANNOTATIONS = "cars_annos.mat"


class Cars196Retrieval(ArchiveBuilder):
    """Photographs of 196 models of cars, half of them to test on.

    The first 98 classes are trained on, the last 98 tested on; the set's own
    split is not used. `builder.download_and_prepare()` wants `car_ims.tgz` and
    `cars_annos.mat` in the folder of manual downloads. Their publisher has
    taken them off its site, where TFDS' own `cars196` looks for others.

    Example:
        >>> import keras_dvml.data.datasets, tensorflow_datasets as tfds
        >>> builder = tfds.builder("cars196_retrieval", data_dir=data_dir)
        >>> builder.info.features["label"].num_classes
        196

    Reference:
        [Krause et al., 2013](https://doi.org/10.1109/ICCVW.2013.77)
    """

    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "car_ims.tgz and cars_annos.mat, once at "
        "http://ai.stanford.edu/~jkrause/car196/"
    )
    ARCHIVE = "car_ims.tgz"
    IMAGES = "car_ims"
    NUM_CLASSES = 196
    SIZES = {"train": SplitSize(98, 8054), "test": SplitSize(98, 8131)}

    def list_images(self, dl_manager: DownloadManager) -> Splits:
        # Nothing else here needs SciPy.
        import scipy.io

        with manual_file(dl_manager, _ANNOTATIONS).open("rb") as file:
            content = scipy.io.loadmat(file)
        names = [str(name.item()) for name in content["class_names"].ravel()]
        images = []
        for row in content["annotations"].ravel():
            folder, _, file_name = row["relative_im_path"].item().partition("/")
            if folder != self.IMAGES:
                raise ValueError(
                    f"{_ANNOTATIONS} must have paths below {self.IMAGES}; "
                    f"received {folder}/{file_name}"
                )
            label = int(row["class"].item()) - 1
            images.append(ArchivedImage(file_name, label, names[label]))
        return split_by_class(images)
