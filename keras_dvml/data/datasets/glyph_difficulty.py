"""How much pictures of one character differ, for each config and split."""

import dataclasses

from keras_dvml.data.datasets.glyph_classes import SPLITS


@dataclasses.dataclass(frozen=True)
class Difficulty:
    """How far pictures of one character may differ from each other.

    Every figure is the far end of a range that starts at "no effect"; grey
    levels and contrasts are shares of full scale (0..1).

    Args:
        turn: degrees either way.
        shear: horizontal shift per unit of height, either way.
        stretch: relative change of the aspect ratio, either way.
        smallest: longest side of the smallest character, as share of the
            frame; the largest takes 0.9.
        shift: displacement either way, as share of the frame.
        contrast: least difference between ink and paper.
        inverted: share of pictures with light ink on dark paper.
        tint: deviation of a colour channel from grey, either way.
        lighting: change of brightness from one edge to the other.
        texture: standard deviation of the blotches on ink and paper.
        blur: radius in pixels.
        noise: standard deviation of the noise of a pixel.
        occluded: share of pictures partly covered.
        cover: largest thickness of what covers, as share of the frame.
    """

    turn: float
    shear: float
    stretch: float
    smallest: float
    shift: float
    contrast: float
    inverted: float
    tint: float
    lighting: float
    texture: float
    blur: float
    noise: float
    occluded: float
    cover: float


CLEAN = Difficulty(
    turn=3.0,
    shear=0.03,
    stretch=0.03,
    smallest=0.75,
    shift=0.02,
    contrast=0.7,
    inverted=0.0,
    tint=0.0,
    lighting=0.0,
    texture=0.0,
    blur=0.3,
    noise=0.01,
    occluded=0.0,
    cover=0.0,
)
DIFFICULTIES = {
    "easy": Difficulty(
        turn=12.0,
        shear=0.15,
        stretch=0.1,
        smallest=0.65,
        shift=0.05,
        contrast=0.45,
        inverted=0.1,
        tint=0.04,
        lighting=0.3,
        texture=0.03,
        blur=0.7,
        noise=0.04,
        occluded=0.1,
        cover=0.2,
    ),
    "default": Difficulty(
        turn=15.0,
        shear=0.25,
        stretch=0.2,
        smallest=0.55,
        shift=0.08,
        contrast=0.3,
        inverted=0.4,
        tint=0.08,
        lighting=0.5,
        texture=0.07,
        blur=1.1,
        noise=0.07,
        occluded=0.3,
        cover=0.3,
    ),
    "hard": Difficulty(
        turn=15.0,
        shear=0.3,
        stretch=0.25,
        smallest=0.5,
        shift=0.1,
        contrast=0.27,
        inverted=0.5,
        tint=0.1,
        lighting=0.6,
        texture=0.085,
        blur=1.2,
        noise=0.08,
        occluded=0.45,
        cover=0.33,
    ),
}


def split_difficulty(split: str, config: str) -> Difficulty:
    """Returns how a split is drawn under a config."""
    if split not in SPLITS:
        raise ValueError(
            f"split must be one of {', '.join(SPLITS)}, received {split!r}."
        )
    if config not in DIFFICULTIES:
        raise ValueError(
            f"config must be one of {', '.join(DIFFICULTIES)}, received "
            f"{config!r}."
        )
    return CLEAN if split == "pretrain" else DIFFICULTIES[config]
