"""How much pictures of one character differ, for each config and split."""

import dataclasses

from keras_dvml.arguments import check_one_of


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


# Of each figure what it is in the clean, easy, default and hard pictures.
_FIGURES = {
    "turn": (3.0, 12.0, 15.0, 15.0),
    "shear": (0.03, 0.15, 0.25, 0.3),
    "stretch": (0.03, 0.1, 0.2, 0.25),
    "smallest": (0.75, 0.65, 0.55, 0.5),
    "shift": (0.02, 0.05, 0.08, 0.1),
    "contrast": (0.7, 0.45, 0.3, 0.27),
    "inverted": (0.0, 0.1, 0.4, 0.5),
    "tint": (0.0, 0.04, 0.08, 0.1),
    "lighting": (0.0, 0.3, 0.5, 0.6),
    "texture": (0.0, 0.03, 0.07, 0.085),
    "blur": (0.3, 0.7, 1.1, 1.2),
    "noise": (0.01, 0.04, 0.07, 0.08),
    "occluded": (0.0, 0.1, 0.3, 0.45),
    "cover": (0.0, 0.2, 0.3, 0.33),
}
CLEAN, *_OTHERS = (
    Difficulty(**dict(zip(_FIGURES, values, strict=True)))
    for values in zip(*_FIGURES.values(), strict=True)
)
_CONFIGS = ("easy", "default", "hard")
DIFFICULTIES: dict[str, Difficulty] = dict(zip(_CONFIGS, _OTHERS, strict=True))


def split_difficulty(split: str, config: str) -> Difficulty:
    """Returns how a split is drawn under a config."""
    check_one_of(_CONFIGS, config=config)
    return CLEAN if split == "pretrain" else DIFFICULTIES[config]
