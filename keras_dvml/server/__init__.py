"""TensorFlow Serving's REST and gRPC for one machine, and a page."""

from keras_dvml.server.running import serve

__all__ = ["serve"]


def __dir__() -> list[str]:
    return __all__
