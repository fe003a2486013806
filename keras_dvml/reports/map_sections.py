"""The sections that show the embedded images of a run as maps."""

import re
from collections.abc import Sequence
from html import escape

from keras_dvml.reports.embedding_map import EmbeddingMap
from keras_dvml.reports.mistakes import (
    confused_pairs,
    first_results,
    hardest_classes,
    mistakes_html,
    spread_of_classes,
)
from keras_dvml.reports.page import fill, read_template, section
from keras_dvml.reports.variations import Variation, variations_html

_UNSEEN_HINT = (
    "Each dot is an image of a class the model never saw in training. "
)
_MAP_HINT = (
    "Images that embed alike lie close together, colours tell {groups} apart. "
    "Point at a dot to see its picture and its {noun}, click it to see the "
    "images nearest to it in the full embedding."
)
_CENTRAL_HINT = (
    "The same images, each less the centre of its {noun}: how it differs from "
    "others of its {noun}. DVML takes this to be alike for all {groups}. "
    "Colours are those of the map above; where they mix, the layout follows "
    "variation and not {noun}. Of the nearest neighbours, {own:.0%} are of the "
    "same {noun} in the embedding, {central:.0%} here; {chance:.0%} would be "
    "by chance."
)
_AROUND_HINT = (
    "Around an image the model drew synthetic embeddings: the image's own "
    "and a draw of the variation it learned. The images that lie nearest to "
    "the draws show what the model takes for variation."
)
_HARDEST_HINT = (
    "The classes whose images least often find one of their own first. Above, "
    "images that searched; below each, what it found first instead."
)
_CONFUSED_HINT = (
    "Classes whose images are found first for each other most often, either "
    "way. Above, images that searched; below each, what it found."
)


def map_section(drawn: dict | None) -> str:
    """Returns the map of the embedding; `drawn` is of `map_data`."""
    if drawn is None:
        return ""
    shown, given = drawn["num_images"], drawn["num_images_given"]
    noun, groups = drawn["noun"], drawn["groups"]
    hint = _UNSEEN_HINT if noun == "class" else "Each dot is an image. "
    hint += _MAP_HINT.format(noun=noun, groups=groups)
    if shown < given:
        hint += (
            f" Shown: {shown:,} of {given:,} images, "
            f"{drawn['num_classes']:,} of {drawn['num_classes_given']:,} "
            f"{groups}; nearest images are sought among those."
        )
    sheet = f'<img id="sheet" src="{drawn["sheet"]}" alt="" hidden>\n'
    return section("Embedding map", hint, sheet + _map_html(drawn, ""))


def variation_sections(
    drawn: dict | None, variations: Sequence[Variation]
) -> str:
    """Returns the central latent space, and the variation around images."""
    central = ""
    if drawn is not None and len(drawn["layouts"]) > 1:
        embedding, centred = drawn["layouts"]
        hint = _CENTRAL_HINT.format(
            noun=drawn["noun"],
            groups=drawn["groups"],
            own=embedding["same_class"],
            central=centred["same_class"],
            chance=drawn["same_class_by_chance"],
        )
        central = section(
            "Central latent space", hint, _map_html(drawn, " checked")
        )
    around = section(
        "Variation around an image",
        _AROUND_HINT,
        variations_html(variations),
        "searches",
    )
    return central + around


def mistakes_sections(images: EmbeddingMap | None) -> str:
    """Returns the hardest classes and the most confused pairs of them."""
    if images is None or images.noun != "class":
        return ""
    results = first_results(images)
    if results is None:
        return ""
    hardest = mistakes_html(hardest_classes(results), images.image_bytes)
    confused = mistakes_html(confused_pairs(results), images.image_bytes)
    return section(
        "Hardest classes",
        f"{_HARDEST_HINT} {spread_of_classes(results)}",
        hardest,
        "galleries",
    ) + section("Most confused classes", _CONFUSED_HINT, confused, "galleries")


def _map_html(drawn: dict, checked: str) -> str:
    options = "".join(
        f'<option value="{i}">{escape(name)}</option>'
        for name, i in sorted(
            ((name, i) for i, name in enumerate(drawn["names"])),
            key=lambda pair: _natural(pair[0]),
        )
    )
    return fill(
        read_template("map.html"),
        options=options,
        label=drawn["noun"].capitalize(),
        checked=checked,
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns a key that sorts 9 before 10."""
    parts = re.split(r"(\d+)", name)
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in parts
    ]
