"""TensorFlow Datasets, or how to install it."""

from keras_dvml.extras import import_of

with import_of("datasets", "Data set builders need tensorflow-datasets"):
    # Not the package itself: it logs what it fails on and continues without.
    import tensorflow_datasets.public_api as tfds
    from etils import epath
__all__ = ["epath", "tfds"]
