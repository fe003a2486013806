"""TensorFlow Datasets, or how to install it."""

from keras_dvml.extras import install_command

try:
    # Not the package itself: it logs what it fails on and continues without.
    import tensorflow_datasets.public_api as tfds
    from etils import epath
except ImportError as error:
    raise ImportError(
        "Data set builders need tensorflow-datasets, which fails to import. "
        f"Install it with: {install_command('datasets')}"
    ) from error

__all__ = ["epath", "tfds"]
