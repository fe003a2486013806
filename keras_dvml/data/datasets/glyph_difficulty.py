"""How much pictures of one character differ, for each config and split."""

import collections

from keras_dvml.arguments import check_one_of

# Of the clean, easy, default and hard pictures. Every figure is the far end of
# a range that starts at "no effect"; grey levels and contrasts are shares of
# full scale (0..1).
_FIGURES = {
    # Degrees either way.
    "turn": (3.0, 12.0, 15.0, 15.0),
    # Horizontal shift per unit of height, either way.
    "shear": (0.03, 0.15, 0.25, 0.3),
    # Relative change of the aspect ratio, either way.
    "stretch": (0.03, 0.1, 0.2, 0.25),
    # Longest side of the smallest character, as share of the frame; the largest
    # takes 0.9.
    "smallest": (0.75, 0.65, 0.55, 0.5),
    # Displacement either way, as share of the frame.
    "shift": (0.02, 0.05, 0.08, 0.1),
    # Least difference between ink and paper.
    "contrast": (0.7, 0.45, 0.3, 0.27),
    # Share of pictures with light ink on dark paper.
    "inverted": (0.0, 0.1, 0.4, 0.5),
    # Deviation of a colour channel from grey, either way.
    "tint": (0.0, 0.04, 0.08, 0.1),
    # Change of brightness from one edge to the other.
    "lighting": (0.0, 0.3, 0.5, 0.6),
    # Standard deviation of the blotches on ink and paper.
    "texture": (0.0, 0.03, 0.07, 0.085),
    # Radius in pixels.
    "blur": (0.3, 0.7, 1.1, 1.2),
    # Standard deviation of the noise of a pixel.
    "noise": (0.01, 0.04, 0.07, 0.08),
    # Share of pictures partly covered.
    "occluded": (0.0, 0.1, 0.3, 0.45),
    # Largest thickness of what covers, as share of the frame.
    "cover": (0.0, 0.2, 0.3, 0.33),
}

Difficulty = collections.namedtuple("Difficulty", _FIGURES)
CLEAN, *_OTHERS = map(Difficulty._make, zip(*_FIGURES.values(), strict=True))
_CONFIGS = ("easy", "default", "hard")
DIFFICULTIES: dict[str, Difficulty] = dict(zip(_CONFIGS, _OTHERS, strict=True))


def split_difficulty(split: str, config: str) -> Difficulty:
    """Returns how a split is drawn under a config."""
    check_one_of(_CONFIGS, config=config)
    return CLEAN if split == "pretrain" else DIFFICULTIES[config]
