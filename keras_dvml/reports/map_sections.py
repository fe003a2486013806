"""The sections that show the embedded images of a run as maps."""

import re
from html import escape
from typing import Any

from keras_dvml.reports.page import fill, read_template, section

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
    "others of its {noun}. DVML assumes this to be alike for all {groups}. "
    "Colours are those of the map above; where they mix, the layout follows "
    "variation and not {noun}. Of the nearest neighbours, {own:.0%} are of the "
    "same {noun} in the embedding, {central:.0%} here; {chance:.0%} would be "
    "by chance."
)


def map_section(drawn: dict[str, Any] | None) -> str:
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
            f"{groups}; nearest images are chosen among those."
        )
    sheet = f'<img id="sheet" src="{drawn["sheet"]}" alt="" hidden>\n'
    return section("Embedding map", hint, sheet + _map_html(drawn, ""))


def central_section(drawn: dict[str, Any] | None) -> str:
    """Returns the map of the central latent space, where there is one."""
    if drawn is None or len(drawn["layouts"]) < 2:
        return ""
    embedding, centred = drawn["layouts"]
    hint = _CENTRAL_HINT.format(
        noun=drawn["noun"],
        groups=drawn["groups"],
        own=embedding["same_class"],
        central=centred["same_class"],
        chance=drawn["same_class_by_chance"],
    )
    return section("Central latent space", hint, _map_html(drawn, " checked"))


def _map_html(drawn: dict[str, Any], checked: str) -> str:
    options = ""
    for number, name in sorted(enumerate(drawn["names"]), key=_by_name):
        options += f'<option value="{number}">{escape(name)}</option>'
    return fill(
        read_template("map.html"),
        options=options,
        label=drawn["noun"].capitalize(),
        checked=checked,
    )


def _by_name(numbered: tuple[int, str]) -> list[tuple[int, str]]:
    """Returns a key that sorts 9 before 10."""
    parts = re.split(r"(\d+)", numbered[1])
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in parts
    ]
