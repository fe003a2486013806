import io
import pathlib

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def emoji_sets():
    import emoji_sets

    return emoji_sets


def square(left, size=30, color=(200, 0, 0)):
    drawing = np.full((64, 64, 3), 255, np.uint8)
    drawing[10 : 10 + size, left : left + size] = color
    return drawing


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("1F600", 0x1F600),
        ("2764-fe0f", 0x2764),
        ("00a9", 0xA9),
        # A flag, a keycap, a farmer.
        ("1f1e6-1f1e8", None),
        ("0023-fe0f-20e3", None),
        ("1f468-200d-1f33e", None),
    ],
)
def test_a_character_is_one_code_point(emoji_sets, name, code):
    assert emoji_sets.code_point(name) == code


def test_icons_are_found_by_code_point_or_by_name(emoji_sets):
    icons = {
        "width": 16,
        "height": 16,
        "icons": {
            "red-heart": {"body": "<path/>", "width": 20},
            "old-key": {"body": "<circle/>"},
            "gone": {"body": "", "hidden": True},
        },
        "aliases": {
            "heart": {"parent": "red-heart"},
            "turned": {"parent": "old-key", "hFlip": True},
        },
    }
    named = {"heart": 1, "redheart": 1, "oldkey": 2, "gone": 3, "turned": 4}
    svgs = emoji_sets.svgs_by_code(icons, {}, named)
    assert svgs.keys() == {1, 2}
    assert 'viewBox="0 0 20 16"' in svgs[1] and "<path/>" in svgs[1]
    chars = {"1f5dd-fe0f": "old-key", "1f1e6-1f1e8": "red-heart"}
    assert emoji_sets.svgs_by_code(icons, chars, {}).keys() == {0x1F5DD}


def test_what_is_transparent_becomes_white(emoji_sets):
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.putpixel((3, 5), (255, 0, 0, 255))
    file = io.BytesIO()
    image.save(file, "png")
    drawing = emoji_sets.on_white(file.getvalue())
    assert drawing[5, 3].tolist() == [255, 0, 0]
    assert (drawing == 255).all(axis=2).sum() == 64 * 64 - 1


def test_a_drawing_of_two_characters_is_dropped_in_both(emoji_sets):
    drawings = {1: square(5), 2: square(5), 3: square(6)}
    assert emoji_sets.without_repeated(drawings).keys() == {3}


def test_the_same_drawing_elsewhere_on_the_page_is_alike(emoji_sets):
    drawings = {
        "old": {1: square(5), 2: square(5)},
        "new": {1: square(20, size=28), 2: square(5, color=(0, 0, 200))},
    }
    assert [*emoji_sets.alike_pairs(drawings)] == [("old", "new", 1)]


def test_chosen_classes_stay_where_more_are_chosen(emoji_sets, tmp_path):
    for name in "abcdef":
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "set.png").write_bytes(b"")
    chosen = [
        {
            path.name
            for path in emoji_sets.choose(
                tmp_path / "images", number, tmp_path / str(number)
            ).iterdir()
        }
        for number in (2, 4)
    ]
    assert [*map(len, chosen)] == [2, 4]
    assert chosen[0] < chosen[1]
    assert pathlib.Path(tmp_path, "2", min(chosen[0]), "set.png").exists()
