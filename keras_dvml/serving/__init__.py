"""From a trained model to SavedModels that TensorFlow Serving runs."""

from keras_dvml.serving.custom_ops import custom_ops
from keras_dvml.serving.export import export, write_saved_model
from keras_dvml.serving.published import Published, load
from keras_dvml.serving.versions import next_version, publish, publish_all

__all__ = [
    "Published", "custom_ops", "export", "load", "next_version", "publish",
    "publish_all", "write_saved_model",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
