"""A data set that needs no download, and the three that papers compare on.

Importing this registers the builders with TFDS where that is installed, so
that `tfds.builder("glyphs/default")` finds them. `load_glyphs` works without.
"""

import contextlib

from keras_dvml.data.datasets.glyph_rendering import load_glyphs

with contextlib.suppress(ImportError):
    from keras_dvml.data.datasets.cars196_retrieval import Cars196Retrieval
    from keras_dvml.data.datasets.cub200_retrieval import Cub200Retrieval
    from keras_dvml.data.datasets.glyphs import Glyphs
    from keras_dvml.data.datasets.online_products_retrieval import (
        OnlineProductsRetrieval,
    )

__all__ = [
    "Cars196Retrieval",
    "Cub200Retrieval",
    "Glyphs",
    "OnlineProductsRetrieval",
    "load_glyphs",
]


def __getattr__(name: str):
    if name in __all__:
        # Reached without TFDS only: the error names what is missing.
        from keras_dvml.data.datasets import glyphs

        return getattr(glyphs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
