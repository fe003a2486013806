"""Emoji as nine sets draw them: 64 x 64 pictures, a folder a character.

    python benchmarks/emoji_sets.py

Needs node (18 or later) and npm, which fetch some 370 MB into
`runs/real_images/packages` the first time. Nothing of it is put into git, and
no drawing into a document: the sets have licences of their own (MIT,
Apache-2.0, CC-BY-SA-4.0, and that of JoyPixels).

A class is an emoji of one code point; no flags, skin tones or joined
sequences. Drawings that a set uses for two characters are dropped in both:
nobody could tell their classes apart. Where two sets draw a character alike,
the later one of `PACKAGES` is left out, or it would be found by its twin. Two
pairs of the sets are of one maker: google and noto-v1 draw 3.5% alike, emojione
and emojione-v1 1.2%; two of other makers 0.8% in the median, at most 3.6%. Of
the characters, those stay that at least `MIN_SETS` sets draw.

The same packages give the same pictures.
"""

import base64
import collections
import hashlib
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import unicodedata

import numpy as np
from PIL import Image

from keras_dvml.whole_files import whole_file, whole_folder

SIZE = 64
MIN_SETS = 6
# Mean difference of two drawings' pixels, 0..1, up to which they are alike.
ALIKE = 0.05
PACKAGES = {
    "google": "emoji-datasource-google@16.0.0",
    "twitter": "emoji-datasource-twitter@16.0.0",
    "facebook": "emoji-datasource-facebook@16.0.0",
    "emojione": "emojione-assets@4.5.0",
    "fxemoji": "@iconify-json/fxemoji@1.2.2",
    "emojione-v1": "@iconify-json/emojione-v1@1.2.3",
    "noto-v1": "@iconify-json/noto-v1@1.2.5",
    "fluent": "@iconify-json/fluent-emoji-flat@1.2.6",
    "openmoji": "@iconify-json/openmoji@1.2.29",
}
OF_ONE_MAKER = (("google", "noto-v1"), ("emojione", "emojione-v1"))
RENDERER = "@resvg/resvg-js@2.6.2"
# Of noto-v1; they end the renderer.
_UNRENDERABLE = (0x1F685, 0x1F3CB, 0x1F41E, 0x2615, 0x1F378, 0x1F691)
# That of U+2328, under which fxemoji and emojione-v1 draw an instrument.
_OF_ANOTHER = "keyboard"
_RENDER = pathlib.Path(__file__).with_name("render_svgs.js").resolve()


def fetch(folder):
    """Has npm fetch what is not there yet.

    Args:
        folder: `pathlib.Path` of the packages.
    """
    for name, package in {**PACKAGES, "renderer": RENDERER}.items():
        if not (folder / name).exists():
            print(f"fetching {package}", flush=True)
            how = ["pack", "--pack-destination"]
            if name == "renderer":
                how = ["install", "--ignore-scripts", "--prefix"]
            with whole_folder(folder / name) as place:
                subprocess.run(
                    ["npm", "--silent", *how, place, package],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )


def read_package(folder, name, pattern):
    """Returns the files of a package, by the first group of their names.

    Args:
        folder: `pathlib.Path` of the packages.
        name: of the set.
        pattern: regular expression of whole names in the package.
    """
    (path,) = (folder / name).glob("*.tgz")
    with tarfile.open(path) as package:
        return {
            match[1]: package.extractfile(member).read()
            for member in package
            if (match := re.fullmatch(f"package/{pattern}", member.name))
        }


def code_point(name):
    """Returns the code point of `1f600` or `2764-fe0f`; `None` of sequences.

    Example:
        >>> code_point("2764-fe0f"), code_point("1f468-200d-1f33e")
        (10084, None)
    """
    parts = re.sub("-fe0f$", "", name.lower()).split("-")
    return int(parts[0], 16) if len(parts) == 1 else None


def read_characters(folder):
    """Returns the name of a folder for each code point that is a class."""
    files = read_package(folder, "google", r"(emoji)\.json")
    return {
        code: f"{code:x}-{emoji['short_name']}"
        for emoji in json.loads(files["emoji"])
        if emoji["category"] not in ("Flags", "Component")
        and (code := code_point(emoji["unified"])) is not None
    }


def codes_by_name(folder, characters, name):
    """Returns code points by name, in letters and digits alone.

    For sets without code points. The older ones have Unicode's names, to which
    later ones add those of CLDR, as others of today's sets give them. A name of
    two characters is of neither.

    Args:
        folder: `pathlib.Path` of the packages.
        characters: of `read_characters`.
        name: of the set.
    """
    codes = collections.defaultdict(set)
    for code in characters:
        codes[_plain(unicodedata.name(chr(code), ""))].add(code)
    for named in () if name == "fxemoji" else ("fluent", "openmoji"):
        files = read_package(folder, named, r"(chars)\.json")
        for key, icon in json.loads(files["chars"]).items():
            if code_point(key) in characters:
                codes[_plain(icon)].add(code_point(key))
    return {
        name: next(iter(found))
        for name, found in codes.items()
        if name not in ("", _OF_ANOTHER) and len(found) == 1
    }


def _plain(name):
    return re.sub("[^a-z0-9]", "", name.lower())


def read_drawings(folder, characters):
    """Reads and renders all drawings of the characters.

    Args:
        folder: `pathlib.Path` of the packages.
        characters: of `read_characters`.

    Returns:
        dict from set to code point to `(64, 64, 3)` uint8 array, on white.
    """
    drawings = {}
    for name, package in PACKAGES.items():
        if package.startswith("@iconify-json/"):
            files = read_package(folder, name, r"(icons|chars)\.json")
            codes = codes_by_name(folder, characters, name)
            svgs = svgs_by_code(
                json.loads(files["icons"]), json.loads(files["chars"]), codes
            )
            if name == "noto-v1":
                for code in _UNRENDERABLE:
                    del svgs[code]
            pngs = render(svgs, folder / "renderer")
        else:
            files = read_package(
                folder, name, rf"(?:img/{name}/64|png/64)/([0-9a-f-]+)\.png"
            )
            pngs = {code_point(key): png for key, png in files.items()}
        drawings[name] = {
            code: on_white(pngs[code]) for code in characters if code in pngs
        }
    return drawings


def svgs_by_code(icons, chars, codes):
    """Returns the SVGs of an Iconify set, by code point.

    Args:
        icons: its `icons.json`.
        chars: its `chars.json`, code points to names; often empty.
        codes: of `codes_by_name`, for sets without.
    """
    aliases = {
        name: alias["parent"]
        for name, alias in icons.get("aliases", {}).items()
        # Others are turned.
        if alias.keys() == {"parent"}
    }
    if chars:
        names = {code_point(key): name for key, name in chars.items()}
        names.pop(None, None)
    else:
        every = [*icons["icons"], *aliases]
        # The first of several names is the set's own, before its aliases.
        names = {
            codes[_plain(name)]: name
            for name in reversed(every)
            if _plain(name) in codes
        }
    svgs = {}
    for code, name in names.items():
        icon = icons["icons"].get(aliases.get(name, name))
        if icon and not icon.get("hidden"):
            box = [icon.get(one, icons[one]) for one in ("width", "height")]
            svgs[code] = (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE}" '
                'xmlns:xlink="http://www.w3.org/1999/xlink" '
                f'height="{SIZE}" viewBox="0 0 {box[0]} {box[1]}">'
                f"{icon['body']}</svg>"
            )
    return svgs


def render(svgs, renderer):
    """Returns PNGs of SVGs.

    Args:
        svgs: dict from code point to SVG.
        renderer: `pathlib.Path` of the folder that npm installed it in.
    """
    done = subprocess.run(
        ["node", _RENDER],
        input=json.dumps(svgs),
        cwd=renderer,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return {
        int(code): base64.b64decode(png)
        for code, png in json.loads(done.stdout).items()
    }


def on_white(png):
    """Decodes a PNG of 64 x 64, whatever is transparent becoming white."""
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    page = Image.new("RGBA", (SIZE, SIZE), "white")
    page.alpha_composite(image)
    return np.asarray(page.convert("RGB"))


def without_repeated(drawings):
    """Leaves out the drawings that a set uses for two characters.

    Args:
        drawings: dict from code point to array, of one set.
    """
    times = collections.Counter(one.tobytes() for one in drawings.values())
    return {
        code: drawing
        for code, drawing in drawings.items()
        if times[drawing.tobytes()] == 1
    }


def trimmed(drawing):
    """Returns a drawing without its margins, as a `(32, 32, 3)` float array."""
    rows, columns = (
        np.flatnonzero((drawing < 250).any((a, 2))) for a in (1, 0)
    )
    if not len(rows):
        return np.ones((32, 32, 3))
    inside = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    small = Image.fromarray(inside).resize((32, 32), Image.Resampling.BOX)
    return np.asarray(small, float) / 255.0


def alike_pairs(drawings):
    """Yields what two sets draw alike, as (set, later set, code point).

    Args:
        drawings: dict from set to code point to array.
    """
    small = {
        name: {code: trimmed(drawing) for code, drawing in of_set.items()}
        for name, of_set in drawings.items()
    }
    for first, later in itertools.combinations(small, 2):
        for code in small[first].keys() & small[later].keys():
            difference = abs(small[first][code] - small[later][code]).mean()
            if difference <= ALIKE:
                yield first, later, code


def prepare(folder):
    """Makes the pictures that are not made yet, and tables of them.

    Args:
        folder: `pathlib.Path`; gets `packages`, `images/<class>/<set>.png`,
            and `sets.md`, what became of each set's drawings.

    Returns:
        `pathlib.Path` of the images.
    """
    images = folder / "images"
    if images.exists():
        return images
    packages = folder / "packages"
    fetch(packages)
    characters = read_characters(packages)
    drawn = read_drawings(packages, characters)
    distinct = {name: without_repeated(one) for name, one in drawn.items()}
    pairs = list(alike_pairs(distinct))
    twins = {(later, code) for _, later, code in pairs}
    kept = {
        name: {
            code: drawing
            for code, drawing in of_set.items()
            if (name, code) not in twins
        }
        for name, of_set in distinct.items()
    }
    times = collections.Counter(code for one in kept.values() for code in one)
    with whole_folder(images) as place:
        for name, of_set in kept.items():
            for code, drawing in of_set.items():
                if times[code] >= MIN_SETS:
                    path = pathlib.Path(place, characters[code], f"{name}.png")
                    path.parent.mkdir(exist_ok=True)
                    Image.fromarray(drawing).save(path)
    steps = drawn, distinct, kept
    with whole_file(folder / "sets.md") as file:
        file.write("\n".join(tables(steps, pairs, images)).encode())
    return images


def tables(steps, pairs, images):
    """Yields Markdown: what became of the drawings, and which are alike.

    Args:
        steps: three dicts from set to code point to array, as read, without
            repeated ones, and without those that an earlier set draws alike.
        pairs: of `alike_pairs`.
        images: `pathlib.Path` of the pictures.
    """
    yield "| set | package | drawings | used twice | drawn alike | pictures |"
    yield "|---|---|---|---|---|---|"
    for name, package in PACKAGES.items():
        read, distinct, kept = (len(step[name]) for step in steps)
        pictures = len([*images.glob(f"*/{name}.png")])
        cells = read, read - distinct, distinct - kept, pictures
        yield f"| {name} | `{package}` | {' | '.join(map(str, cells))} |"
    num_classes, num_images = (len([*images.glob(one)]) for one in ("*", "*/*"))
    yield f"\n{num_images:,} pictures of {num_classes:,} characters.\n"
    alike = collections.Counter(pair[:2] for pair in pairs)
    shares = {}
    for sets in itertools.combinations(steps[1], 2):
        both = len(set.intersection(*(set(steps[1][one]) for one in sets)))
        shares[sets] = alike[sets] / both
    others = [shares[sets] for sets in shares if sets not in OF_ONE_MAKER]
    for sets in OF_ONE_MAKER:
        yield (
            f"{' and '.join(sets)}, of one maker, draw {shares[sets]:.1%} of "
            "their characters alike;"
        )
    yield (
        f"two sets of two makers {np.median(others):.1%} in the median, at "
        f"most {max(others):.1%}."
    )


def choose(images, num_classes, folder):
    """Links some of the classes into a folder, by the hashes of their names.

    Args:
        images: `pathlib.Path` of all classes.
        num_classes: how many.
        folder: `pathlib.Path` to be made, where it is missing.

    Returns:
        `folder`.
    """
    if not folder.exists():
        names = sorted(
            (path.name for path in images.iterdir()),
            key=lambda name: hashlib.sha256(name.encode()).digest(),
        )
        with whole_folder(folder) as place:
            for name in names[:num_classes]:
                shutil.copytree(
                    images / name, f"{place}/{name}", copy_function=os.link
                )
    return folder


if __name__ == "__main__":
    print(prepare(pathlib.Path("runs/real_images")))
