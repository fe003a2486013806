"""Writes small image files of every kind and flavour that people have.

python tests/data/image_corpus.py FOLDER
"""

import io
import pathlib
import sys

import numpy as np
from PIL import Image

SIDE = 24
_ORIENTATION = 0x0112


def _picture(mode, seed=0):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    noise = np.random.default_rng(seed).integers(0, 40, (SIDE, SIDE, 3))
    pixels = np.stack([rows * 9, columns * 9, rows * columns % 200], axis=2)
    picture = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
    if mode == "I;16":
        grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        return Image.fromarray(grey)
    picture = picture.convert(mode.removesuffix("A") or mode)
    if mode in ("LA", "RGBA"):
        picture.putalpha(Image.fromarray((rows * 10).astype(np.uint8)))
    return picture


def _saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _exif(orientation):
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def good_files():
    """Returns name -> bytes; the first word of a name is the kind."""
    files = {}
    for mode in ("L", "RGB", "CMYK"):
        picture = _picture(mode)
        for name, options in {
            "plain": {},
            "progressive": {"progressive": True},
            "quality 20": {"quality": 20},
            "quality 100": {"quality": 100},
            "4:4:4": {"subsampling": 0},
            "4:2:2": {"subsampling": 1},
            "4:2:0": {"subsampling": 2},
            "restarts": {"restart_marker_blocks": 1},
            "optimized": {"optimize": True},
            "profile": {"icc_profile": bytes(70_000)},
            "comment": {"comment": b"Exif\0\0 and \xff\xda"},
        }.items():
            files[f"JPEG {mode} {name}"] = _saved(picture, "JPEG", **options)
    files["JPEG with a film behind"] = (
        files["JPEG RGB plain"] + b"\0\0\0\x18ftypmp42\xff\xda" * 9
    )
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = _picture(mode)
        for name, options in {
            "plain": {},
            "stored": {"compress_level": 0},
        }.items():
            files[f"PNG {mode} {name}"] = _saved(picture, "PNG", **options)
    for bits in (1, 2, 4):
        palette = _picture("RGB").quantize(2**bits)
        files[f"PNG P {bits} bits"] = _saved(palette, "PNG", bits=bits)
    for mode in ("L", "P", "RGB"):
        transparent = (9, 9, 9) if mode == "RGB" else 3
        files[f"PNG {mode} transparent"] = _saved(
            _picture(mode), "PNG", transparency=transparent
        )
    for mode in ("1", "L", "P", "RGB"):
        picture = _picture(mode)
        files[f"GIF {mode}"] = _saved(picture, "GIF")
        files[f"GIF {mode} interlaced"] = _saved(picture, "GIF", interlace=1)
        files[f"GIF {mode} animated"] = _saved(
            picture, "GIF", save_all=True, append_images=[_picture(mode, 1)]
        )
    files["GIF P transparent"] = _saved(_picture("P"), "GIF", transparency=3)
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        files[f"BMP {mode}"] = _saved(_picture(mode), "BMP")
    for mode in ("RGB", "RGBA"):
        picture, other = _picture(mode), _picture(mode, 1)
        for name, options in {
            "lossy": {},
            "quality 10": {"quality": 10},
            "lossless": {"lossless": True},
            "exact": {"lossless": True, "exact": True},
            "profile": {"icc_profile": bytes(100)},
        }.items():
            files[f"WEBP {mode} {name}"] = _saved(picture, "WEBP", **options)
        for lossless in (False, True):
            files[f"WEBP {mode} animated {lossless}"] = _saved(
                picture,
                "WEBP",
                save_all=True,
                append_images=[other],
                lossless=lossless,
            )
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"):
        picture = _picture(mode)
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            files[f"TIFF {mode} {compression}"] = _saved(
                picture, "TIFF", compression=compression
            )
    files["TIFF RGB of two"] = _saved(
        _picture("RGB"),
        "TIFF",
        save_all=True,
        append_images=[_picture("RGB", 1)],
    )
    for mode in ("L", "RGB", "RGBA"):
        for quality in (30, 90):
            files[f"AVIF {mode} {quality}"] = _saved(
                _picture(mode), "AVIF", quality=quality
            )
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        for orientation in range(1, 9):
            files[f"{kind} turned {orientation}"] = _saved(
                _picture("RGB"), kind, exif=_exif(orientation)
            )
    return files


def bad_files():
    """Returns name -> bytes of what is no image, or half of one."""
    files = {"empty": b"", "text": b"hello", "zeros": bytes(1000)}
    good = good_files()
    for name in (
        "JPEG RGB plain", "JPEG RGB progressive", "PNG RGB plain",
        "GIF P", "BMP RGB", "WEBP RGB lossy", "TIFF RGB None", "AVIF RGB 90",
    ):  # fmt: skip
        whole = good[name]
        for length in (3, 12, 30, len(whole) // 4):
            files[f"{name}, {length} bytes"] = whole[:length]
        files[f"{name}, zeros"] = whole[:12] + bytes(len(whole) - 12)
    return files


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, content) in enumerate(
        {**good_files(), **bad_files()}.items()
    ):
        suffix = name.split()[0].lower()
        (folder / f"{number:03d}.{suffix}").write_bytes(content)
