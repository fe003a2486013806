"""Images and labels on their way into a model."""

from keras_dvml.data.augmentation import (
    random_color,
    random_resized_crop,
    random_shift,
)
from keras_dvml.data.batches import balanced_batches, image_batches
from keras_dvml.data.conversion import ReadableImage, readable_image
from keras_dvml.data.encoded_images import EncodedImages, load_examples
from keras_dvml.data.examples import encode_example, read_examples
from keras_dvml.data.image_fit import ImageFit, ImageSize
from keras_dvml.data.images import check_image, decode_image, decode_images
from keras_dvml.data.labelled_folder import from_folder
from keras_dvml.data.sampler import BalancedSampler

__all__ = [
    "BalancedSampler", "EncodedImages", "ImageFit", "ImageSize",
    "ReadableImage", "balanced_batches", "check_image", "decode_image",
    "decode_images", "encode_example", "from_folder",
    "image_batches",
    "load_examples", "random_color", "random_resized_crop", "random_shift",
    "read_examples", "readable_image",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
