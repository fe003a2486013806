"""How the characters of the glyphs data set were chosen, by measurement.

    python benchmarks/glyph_selection.py

It measures every candidate again and prints the code points that
`keras_dvml.data.datasets.glyph_classes` holds, in about a minute.
"""

import sys
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageFilter

from keras_dvml.data.datasets.glyph_fonts import (
    covered_code_points,
    glyph_mask,
)

# Shapes are compared in these faces: each may draw a letter its own way.
MEASURED_FACES = (
    "DejaVuSans",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralItalic",
)
CLASSES_PER_SPLIT = 100
# Two characters look alike from this correlation on.
PHOTO_THRESHOLD = 0.90
PRETRAIN_THRESHOLD = 0.86

_SIDE = 32
_EXTENT = 22
_BLUR = 1.3
_WOBBLE = (-12, 0, 12)
_SLENDEREST = 0.3

_ALPHABETS = ("DIGIT", "LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN")
_OTHER_SCRIPTS = ("HEBREW", "LAO", "NKO", "TIFINAGH", "COPTIC", "ARABIC")
# Composed of several characters, or hardly more than a caret and its turns.
_LEFT_OUT_NAMES = (
    "CANADIAN",
    "DIGRAPH",
    "DOUBLE-STRUCK",
    "FACE",
    "LIGATURE",
    "LISU",
    "OGHAM",
    "OLD ITALIC",
    "ROMAN",
    "VULGAR",
)
# Frames and patterns, and large families of arrows and inequalities.
_LEFT_OUT_BLOCKS = (
    (0x21D6, 0x21DA),
    (0x230C, 0x2310),
    (0x231C, 0x2320),
    (0x2500, 0x25A0),
    (0x2800, 0x2900),
    (0x2A79, 0x2AC0),
    (0x2B00, 0x2B12),
    (0x4DC0, 0x4E00),
)
# Left out by eye: a person takes them for another one, turned or upright
# (M and W, L and 7, U and C, a letter and its hooked or barred twin), or the
# fonts do not agree on its shape.
_LEFT_OUT = frozenset(
    int(code, 16)
    for code in """
    28 3B 4C 4D 55 6B 75 DF 181 184 187 188 191 193 199 1A6 1A9 236 23E 240
    242 247 257 258 27B 281 28A 29B 29E 2A0 2AD 370 371 37C 37D 39C 3A3 3B2
    3BD 3CF 3FA 40B 41C 470 491 498 49A 49B 49F 4C3 4C4 512 513 53B 55E 56B
    586 60A 67B 67D 7C7 7D1 7F8 7F9 10A0 10A2 10A3 10A4 10BF 10C3 10C4 10D2
    10EF 10FB 1D0D 1D16 1D17 1D1C 1D1E 2023 2038 2039 203A 204B 204C 204D
    204F 2056 219C 21A3 21B1 21B2 21B8 21C2 21C8 21F0 21F1 21F2 2211 2214
    221F 2229 2238 2239 2265 2267 2273 2282 2283 2287 228F 2290 2293 2294
    22A6 22A7 22A8 22A9 22AA 22B5 22CC 22DC 22F9 22FB 22FE 2304 2305 237D
    23A7 25BB 25C2 25C5 25D5 25DC 25DD 25DE 25DF 25E1 25EE 25F8 25F9 25FA
    25FF 262B 262D 2643 2662 2670 269F 26A3 27FB 2A6A 2C64 2C6A 2C6E 2C73
    2C75 2C76 2C79 2D24 2D3E 2D49 2D61 2D64 2E1F A651 A728 A733 A737 A739
    A73B A73F A741 A782 A78D A7FD
    """.split()
)


def look_alike_scores(code_points: Sequence[int]) -> np.ndarray:
    """How much each character looks like each other one, over four turns.

    Every face draws every character at one size in the middle of a frame.
    A score is the highest correlation of two blurred drawings over the faces
    of both, `turn in {0, 90, 180, 270}` degrees and a wobble of 12 degrees.

    Args:
        code_points: `n` code points.

    Returns:
        `(4, n, n)` float32 array, -1..1, indexed by quarter turns. The
        diagonal of turn 0 is 1, that of the others says how well a character
        looks like itself turned. NaN where no face can draw a character at a
        usable shape.
    """
    num_characters = len(code_points)
    owners, upright, turned = [], [], []
    for owner, code_point in enumerate(code_points):
        for face in MEASURED_FACES:
            if code_point not in covered_code_points(face):
                continue
            drawing = _normalised_drawing(code_point, face)
            if drawing is None:
                continue
            owners.append(owner)
            upright.append(_fingerprint(drawing))
            turned.append(
                [
                    _fingerprint(drawing.rotate(90 * turn + wobble, 3))
                    for turn in range(4)
                    for wobble in _WOBBLE
                ]
            )
    owners, upright = np.array(owners), np.array(upright)
    turned = np.array(turned).reshape(len(owners), 4, len(_WOBBLE), -1)
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    drawn = owners[starts]
    scores = np.full((4, num_characters, num_characters), np.nan, np.float32)
    for turn in range(4):
        best = np.max(
            [upright @ turned[:, turn, k].T for k in range(len(_WOBBLE))],
            axis=0,
        )
        best = np.maximum.reduceat(best, starts, axis=0)
        best = np.maximum.reduceat(best, starts, axis=1)
        scores[turn][np.ix_(drawn, drawn)] = best
    # a turned by 90 against b is b turned by 270 against a.
    return np.fmax(scores, scores.transpose(0, 2, 1)[[0, 3, 2, 1]])


def select_classes() -> dict[str, list[int]]:
    """Chooses the code points of all splits from scratch.

    Characters come in a fixed order and one is kept when neither itself
    turned nor any character kept before looks like it. `train` and `test`
    share the alphabets that serif and sans-serif faces cover, taken in turns;
    `pretrain` has other scripts and symbols.

    Returns:
        Dict of split name to ascending list of code points.

    Raises:
        RuntimeError: when the fonts hold too few distinct characters.
    """
    sans, serif = (
        covered_code_points(face) for face in ("DejaVuSans", "DejaVuSerif")
    )
    photo = sorted(filter(_is_candidate, sans & serif), key=_photo_order)
    world = sorted(
        (
            code_point
            for code_point in filter(_is_candidate, sans - serif)
            if _script(code_point) not in _ALPHABETS
        ),
        key=_pretrain_order,
    )
    scores = look_alike_scores(photo + world)
    kept = _keep_distinct(scores, range(len(photo)), [], PHOTO_THRESHOLD)
    kept = kept[: 2 * CLASSES_PER_SPLIT]
    others = _keep_distinct(
        scores,
        range(len(photo), len(photo) + len(world)),
        kept,
        PRETRAIN_THRESHOLD,
    )[:CLASSES_PER_SPLIT]
    if len(kept) < 2 * CLASSES_PER_SPLIT or len(others) < CLASSES_PER_SPLIT:
        raise RuntimeError(
            f"The fonts must hold {2 * CLASSES_PER_SPLIT} distinct characters "
            f"for train and test and {CLASSES_PER_SPLIT} for pretrain, found "
            f"{len(kept)} and {len(others)}."
        )
    photo_points = sorted(photo[i] for i in kept)
    return {
        "pretrain": sorted((photo + world)[i] for i in others),
        "train": photo_points[0::2],
        "test": photo_points[1::2],
    }


def _keep_distinct(
    scores: np.ndarray,
    candidates: Iterable[int],
    kept: Sequence[int],
    threshold: float,
) -> list[int]:
    highest = scores.max(axis=0)
    chosen: list[int] = []
    for candidate in candidates:
        itself_turned = scores[1:, candidate, candidate].max()
        rivals = highest[candidate, [*kept, *chosen]].max(initial=-1)
        # Written so that NaN, a character that cannot be drawn, fails.
        if itself_turned <= threshold and rivals <= threshold:
            chosen.append(candidate)
    return chosen


def _is_candidate(code_point: int) -> bool:
    character = chr(code_point)
    name = unicodedata.name(character, "")
    category = unicodedata.category(character)
    return (
        bool(name)
        and category[0] in "LNSP"
        and category not in ("Lm", "Sk")
        and code_point < 0xFB00
        and code_point not in _LEFT_OUT
        and not any(
            first <= code_point < end for first, end in _LEFT_OUT_BLOCKS
        )
        and not unicodedata.decomposition(character)
        and not any(word in name for word in _LEFT_OUT_NAMES)
    )


def _script(code_point: int) -> str:
    return unicodedata.name(chr(code_point)).split()[0]


def _photo_order(code_point: int) -> tuple[float, int]:
    # Georgian, the longest list and cut by the limit, after the symbols.
    script = _script(code_point)
    rank = _ALPHABETS.index(script) if script in _ALPHABETS else 4.5
    return (rank, code_point)


def _pretrain_order(code_point: int) -> tuple[int, int]:
    # Symbols first: they differ most. Arabic, cut by the limit, last.
    script = _script(code_point)
    known = script in _OTHER_SCRIPTS
    rank = _OTHER_SCRIPTS.index(script) if known else -1
    return (rank, code_point)


def _normalised_drawing(code_point: int, face: str) -> Image.Image | None:
    mask = glyph_mask(code_point, face)
    width, height = mask.size
    if min(width, height) < _SLENDEREST * max(width, height):
        return None
    shrink = _EXTENT / max(width, height)
    mask = mask.resize(
        (max(1, round(width * shrink)), max(1, round(height * shrink))),
        Image.Resampling.BOX,
    )
    frame = Image.new("L", (_SIDE, _SIDE))
    frame.paste(
        mask, ((_SIDE - mask.size[0]) // 2, (_SIDE - mask.size[1]) // 2)
    )
    return frame


def _fingerprint(drawing: Image.Image) -> np.ndarray:
    blurred = drawing.filter(ImageFilter.GaussianBlur(_BLUR))
    values = np.asarray(blurred, np.float32).ravel()
    values = values - values.mean()
    return values / np.linalg.norm(values)


if __name__ == "__main__":
    for split, code_points in select_classes().items():
        sys.stdout.write(f"{split} ({len(code_points)})\n")
        sys.stdout.write(" ".join(f"{c:04X}" for c in code_points) + "\n")
