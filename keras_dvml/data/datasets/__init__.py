"""Data sets that need no download.

Importing this registers the builders with TFDS where that is installed, so
that `tfds.builder("glyphs/default")` finds them. `load_glyphs` works without.
"""

import contextlib

from keras_dvml.data.datasets.glyph_rendering import load_glyphs

with contextlib.suppress(ImportError):
    from keras_dvml.data.datasets.glyphs import Glyphs

__all__ = ["Glyphs", "load_glyphs"]


def __getattr__(name: str):
    if name == "Glyphs":
        # Reached without TFDS only: says what is missing.
        from keras_dvml.data.datasets.glyphs import Glyphs

        return Glyphs
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
