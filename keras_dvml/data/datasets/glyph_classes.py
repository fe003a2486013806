"""The characters of the glyphs data set, as code points.

Chosen by `benchmarks/glyph_selection.py`, which can choose them again: no two
look alike, upright or after quarter turns, and none looks like itself turned.
`train` and `test` share the alphabets of Europe and a few symbols; `pretrain`
is another world of other scripts and symbols.
"""

CLASSES_PER_SPLIT = 100

_PRETRAIN = """
03E2 03E6 05D4 05DE 05E2 05E6 05E7 05E8 05E9 05EA 0609 0634 0637 0641 0643
0679 067C 067E 0686 0692 0693 07C2 07C4 07D2 07E7 0E88 0E95 0E9C 0EA1 0EAE
0EB0 0EBD 0EC1 0ED1 0ED3 0ED5 0ED6 0ED7 20A0 20A2 20A7 20B0 2104 2117 2118
211E 211F 2234 225A 225F 22BE 22C9 22D0 22E5 22E9 22F5 2324 2387 23CE 2604
2607 2608 2611 2619 261C 2623 262A 2648 264C 264E 264F 2651 2654 2658 2668
2671 2673 2690 2692 2693 2696 2697 2698 26A4 26B6 26C1 270D 2730 274F 275D
2766 27AD 27B4 29D0 2D3F 2D44 2D47 2D5B 2D5F 2D62
"""

_TRAIN = """
0026 0033 0035 0037 0044 004B 0052 0056 0059 0065 0069 0072 00A2 00B1 00C6
0141 0195 019D 01A4 01B8 01E4 0222 0235 023C 0241 024A 0255 0263 0273 0277
02AC 0372 03A8 03B6 03D7 03FB 0409 040F 041B 042B 0449 0463 046A 0471 0499
04A6 04C8 0534 0536 0538 053E 054A 0550 0556 056D 0579 10A5 10AA 10AC 10B0
10BC 10D3 10DA 10E4 10F0 1D19 1EFA 2020 203D 20AF 20B9 2127 219D 21AF 21B7
21C9 2202 221D 2264 2292 2325 25D0 25E2 25ED 263F 2642 2661 2669 266C 2B16
2C71 2D02 2D06 2D19 2D1E 2E2E A729 A736 A73D A7AA
"""

_TEST = """
0032 0034 0036 0043 0046 0051 0054 0057 0064 0068 006A 0074 00AB 00B6 00DE
018B 019C 01A2 01B2 01BA 0221 0224 023A 023F 0244 024F 025A 0271 0276 0291
02AE 0392 03B1 03C2 03E0 0402 040A 0414 042A 0447 044E 0464 046C 0496 04A1
04B6 0514 0535 0537 0539 0540 054E 0554 0569 056E 057B 10A7 10AB 10AE 10B4
10BE 10D4 10E0 10ED 10F7 1E9E 1EFB 2030 2042 20B8 20BA 2196 21AA 21B0 21BA
21E6 221A 2250 2286 22AB 25B3 25D4 25E7 25F4 2640 2645 2664 266B 266D 2C67
2D00 2D03 2D0F 2D1C 2D1F A656 A734 A73C A790 A7FB
"""

_CHARACTERS = {
    split: tuple(chr(int(code, 16)) for code in codes.split())
    for split, codes in (
        ("pretrain", _PRETRAIN),
        ("train", _TRAIN),
        ("test", _TEST),
    )
}

SPLITS = tuple(_CHARACTERS)


def characters(split: str) -> tuple[str, ...]:
    """Returns the characters of a split, one a class, by code point."""
    if split not in _CHARACTERS:
        raise ValueError(
            f"split must be one of {', '.join(SPLITS)}, received {split!r}."
        )
    return _CHARACTERS[split]


def class_name(character: str) -> str:
    """Returns the name of a class, such as `"U+0416"`."""
    return f"U+{ord(character):04X}"


CLASS_NAMES = tuple(
    class_name(character) for split in SPLITS for character in characters(split)
)
