"""Draws characters the way a camera meets them: posed, lit, worn, covered."""

import functools
import io
import math

import numpy as np

from keras_dvml.arguments import check_count, check_in_range
from keras_dvml.data.datasets.glyph_classes import (
    CLASS_NAMES,
    characters,
    class_name,
)
from keras_dvml.data.datasets.glyph_difficulty import (
    Difficulty,
    split_difficulty,
)
from keras_dvml.data.datasets.glyph_fonts import covering_faces, glyph_mask

# After glyph_fonts, whose error names what to install without Pillow.
from PIL import Image, ImageFilter  # isort: skip

IMAGE_SIZE = 48
IMAGES_PER_CLASS = 40
SEED = 2018

# Longest side in pixels of a glyph before it is posed.
_MASTER_EXTENT = 44
_MASTER_SIDE = 64


def load_glyphs(
    split: str,
    config: str = "default",
    num_classes: int | None = None,
    images_per_class: int | None = None,
    *,
    seed: int = SEED,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a split of the glyphs data set straight into memory.

    The pixels are those of the TFDS builder, without files or TFDS.

    Args:
        split: `"pretrain"`, `"train"` or `"test"`; no class is in two splits.
        config: `"easy"`, `"default"` or `"hard"`. `pretrain` is drawn
            cleanly in all three.
        num_classes: In 1..100. The first classes of the split only; `None`
            for all.
        images_per_class: At least 1; `None` for the 40 of the data set.
        seed: At least 0. Another seed gives other pictures of the same
            characters.

    Returns:
        images: `(n, 48, 48, 3)` uint8 array, one class after another.
        labels: `(n,)` int64 array, 0..299 over all three splits.

    Example:
        >>> from keras_dvml.data.datasets import load_glyphs
        >>> images, labels = load_glyphs("train", num_classes=5)
        >>> images.shape, len(set(labels))
        ((200, 48, 48, 3), 5)
    """
    members = characters(split)
    if num_classes is None:
        num_classes = len(members)
    if images_per_class is None:
        images_per_class = IMAGES_PER_CLASS
    check_in_range(
        1, len(members), "the classes of a split", num_classes=num_classes
    )
    check_count(1, images_per_class=images_per_class)
    difficulty = split_difficulty(split, config)
    images = [
        draw_glyph(character, index, difficulty, seed=seed)
        for character in members[:num_classes]
        for index in range(images_per_class)
    ]
    first = CLASS_NAMES.index(class_name(members[0]))
    classes = first + np.arange(num_classes, dtype=np.int64)
    return np.stack(images), np.repeat(classes, images_per_class)


def draw_glyph(
    character: str, index: int, difficulty: Difficulty, *, seed: int = SEED
) -> np.ndarray:
    """Draws one picture of a character.

    The draws depend on `(seed, character, index)` alone, so that pictures
    can be drawn in any order, and pictures of two difficulties with the same
    index are the same scene, more or less disturbed.

    Args:
        character: One character that the fonts cover.
        index: At least 0. Which picture of the character.
        difficulty: How far pictures may differ.
        seed: At least 0.

    Returns:
        `(48, 48, 3)` uint8 array, RGB.
    """
    rng = np.random.default_rng([seed, ord(character), index])
    faces = covering_faces(ord(character))
    face = faces[rng.integers(len(faces))]
    ink_cover = _posed(_master(ord(character), face), difficulty, rng)
    picture = _coloured(ink_cover, difficulty, rng)
    picture = _occluded(picture, difficulty, rng)
    picture *= _lighting(difficulty, rng)
    return _photographed(picture, difficulty, rng)


def encode_png(image: np.ndarray) -> bytes:
    """Encodes a `(height, width, 3)` uint8 array as PNG, the same each time."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _posed(
    master: Image.Image, difficulty: Difficulty, rng: np.random.Generator
) -> np.ndarray:
    """Returns the share of ink in each pixel, `(48, 48, 1)` float32."""
    turn, shear, stretch, shift_x, shift_y = rng.uniform(-1, 1, 5)
    angle = math.radians(turn * difficulty.turn)
    slant = shear * difficulty.shear
    aspect = math.exp(stretch * difficulty.stretch / 2)
    extent = rng.uniform(difficulty.smallest, 0.9) * IMAGE_SIZE
    scale = extent / _MASTER_EXTENT
    # Pillow expects where in the master each pixel of the frame comes from:
    # the inverse of turn @ shear @ scale. Written out, since matrices this
    # small spend their time waiting for the linear algebra library's threads.
    cos, sin = math.cos(angle), math.sin(angle)
    across = (
        (cos + slant * sin) / (scale * aspect),
        (sin - slant * cos) / (scale * aspect),
    )
    down = (-sin * aspect / scale, cos * aspect / scale)
    x = (0.5 + shift_x * difficulty.shift) * IMAGE_SIZE
    y = (0.5 + shift_y * difficulty.shift) * IMAGE_SIZE
    centre = _MASTER_SIDE / 2
    frame = master.transform(
        (IMAGE_SIZE, IMAGE_SIZE),
        Image.Transform.AFFINE,
        (
            *across,
            centre - across[0] * x - across[1] * y,
            *down,
            centre - down[0] * x - down[1] * y,
        ),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(frame, np.float32)[..., None] / 255


def _coloured(
    ink_cover: np.ndarray, difficulty: Difficulty, rng: np.random.Generator
) -> np.ndarray:
    contrast = rng.uniform(difficulty.contrast, 0.85)
    dark = rng.uniform(0.05, 0.95 - contrast)
    levels = (dark, dark + contrast)
    ink, paper = levels[::-1] if rng.random() < difficulty.inverted else levels
    ink_tint, paper_tint = rng.uniform(-1, 1, (2, 3)) * difficulty.tint
    ink = ink + ink_tint + difficulty.texture * _blotches(rng)
    paper = paper + paper_tint + difficulty.texture * _blotches(rng)
    return (paper + ink_cover * (ink - paper)).astype(np.float32)


def _blotches(rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of two sizes, `(48, 48, 1)`, about unit variance."""
    size = (IMAGE_SIZE, IMAGE_SIZE)
    total = np.zeros(size, np.float32)
    for cells in (5, 14):
        noise = rng.standard_normal((cells, cells), dtype=np.float32)
        coarse = Image.fromarray(noise)
        total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
    return total[..., None]


def _occluded(
    picture: np.ndarray, difficulty: Difficulty, rng: np.random.Generator
) -> np.ndarray:
    covered = rng.random() < difficulty.occluded
    angle = rng.uniform(0, math.pi)
    offset = rng.uniform(-0.3, 0.3) * IMAGE_SIZE
    thickness = rng.uniform(0.4, 1.0) * difficulty.cover * IMAGE_SIZE
    grey = rng.uniform(0.1, 0.9)
    if not covered:
        return picture
    # A strip across the frame, its edges one pixel soft.
    distance = abs(_along(angle) - offset)
    strip = np.clip(thickness / 2 - distance + 0.5, 0, 1)
    return picture + strip * (np.float32(grey) - picture)


def _lighting(difficulty: Difficulty, rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * math.pi)
    strength = rng.uniform(0, difficulty.lighting)
    return 1 + strength * _along(angle) / IMAGE_SIZE


def _along(angle: float) -> np.ndarray:
    """Distance of each pixel from the centre, along a direction."""
    steps = np.arange(IMAGE_SIZE, dtype=np.float32) - (IMAGE_SIZE - 1) / 2
    x, y = steps * math.cos(angle), steps * math.sin(angle)
    return (x[None, :] + y[:, None])[..., None].astype(np.float32)


def _photographed(
    picture: np.ndarray, difficulty: Difficulty, rng: np.random.Generator
) -> np.ndarray:
    radius = rng.uniform(0, difficulty.blur)
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    frame = Image.fromarray(_to_bytes(picture))
    blurred = frame.filter(ImageFilter.GaussianBlur(radius))
    grey = np.asarray(blurred, np.float32) / 255
    return _to_bytes(grey + difficulty.noise * noise)


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


@functools.cache
def _master(code_point: int, face: str) -> Image.Image:
    mask = glyph_mask(code_point, face)
    width, height = mask.size
    scale = _MASTER_EXTENT / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    frame = Image.new("L", (_MASTER_SIDE, _MASTER_SIDE))
    frame.paste(
        mask.resize(size, Image.Resampling.LANCZOS),
        ((_MASTER_SIDE - size[0]) // 2, (_MASTER_SIDE - size[1]) // 2),
    )
    return frame
