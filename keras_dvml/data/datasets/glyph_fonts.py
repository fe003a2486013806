"""The fonts that ship inside matplotlib, and the characters in them."""

import functools
import os

from keras_dvml.extras import import_of

with import_of("datasets", "The glyphs data set needs matplotlib and Pillow"):
    import matplotlib
    from matplotlib.ft2font import FT2Font
    from PIL import Image, ImageDraw, ImageFont
FACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
)


@functools.cache
def covering_faces(code_point: int) -> tuple[str, ...]:
    """Returns the faces that have a drawing of a character."""
    faces = tuple(
        face for face in FACES if code_point in covered_code_points(face)
    )
    if not faces:
        raise ValueError(
            f"character must be covered by a DejaVu or STIX font; received "
            f"U+{code_point:04X}"
        )
    return faces


@functools.cache
def covered_code_points(face: str) -> frozenset[int]:
    """Returns the code points for which a face has a drawing of its own."""
    return frozenset(FT2Font(_font_path(face)).get_charmap())


def glyph_mask(code_point: int, face: str) -> Image.Image:
    """Draws a character, cropped to its ink, at a font size of 72 pixels."""
    # BASIC layout: no shaping, so no dependence on optional libraries.
    box = _font(face).getbbox(chr(code_point))
    left, top, right, bottom = map(int, box)
    mask = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(mask).text(
        (2 - left, 2 - top), chr(code_point), fill=255, font=_font(face)
    )
    return mask.crop(mask.getbbox())


@functools.cache
def _font(face: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(
        _font_path(face), 72, layout_engine=ImageFont.Layout.BASIC
    )


def _font_path(face: str) -> str:
    return os.path.join(
        matplotlib.get_data_path(), "fonts", "ttf", f"{face}.ttf"
    )
