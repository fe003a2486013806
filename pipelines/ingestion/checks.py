"""Fails a run whose images are too often broken, or too few."""

import logging

from pipelines.ingestion.beam_reading import SPLITS

_NUM_SHOWN = 5

logger = logging.getLogger(__name__)
# Its lines go where those of other libraries do: to the run's log alone.
run_log = logging.getLogger("quarantine")


def check_quarantine(
    bad: list[dict[str, str]], num_images: int, max_bad_fraction: float
) -> None:
    """Warns of bad files, and fails when there are too many.

    Args:
        bad: what was quarantined: dicts with `path` and `reason`.
        num_images: files that are images.
        max_bad_fraction: in [0, 1].
    """
    if not bad:
        return
    lines = [f"{file['path']}: {file['reason']}" for file in bad]
    for line in lines:
        run_log.info("Quarantined %s", line)
    shown = lines[:_NUM_SHOWN]
    num_files = len(bad) + num_images
    fraction = len(bad) / num_files
    if fraction > max_bad_fraction:
        raise ValueError(
            f"{len(bad)} of {num_files} files are bad ({fraction:.1%}); "
            f"`max_bad_fraction` allows {max_bad_fraction:.1%}. "
            f"The first of them: {'; '.join(shown)}"
        )
    for line in shown:
        logger.warning("Quarantined %s", line)
    logger.warning("Quarantined %d of %d files.", len(bad), num_files)


def check_class_sizes(
    sizes: dict[str, dict[str, int]], may_share: bool = False
) -> None:
    """Refuses classes that cannot be learned, or that are in both splits.

    Args:
        sizes: split name to class name to number of images.
        may_share: whether the splits may have classes in common.
    """
    for split in SPLITS:
        if len(sizes[split]) < 2:
            raise ValueError(
                f"Split `{split}` must hold at least 2 classes with images; "
                f"received {sorted(sizes[split])}"
            )
    shared = sorted(set(sizes["train"]) & set(sizes["test"]))
    if shared and not may_share:
        raise ValueError(
            "Classes of `train` and `test` must not overlap, or the scores "
            f"would not be those of unseen classes. {len(shared)} are in "
            f"both, among them {shared[:_NUM_SHOWN]}. With split='classes' "
            "the images are split anew"
        )
    lonely = sorted(name for name, n in sizes["train"].items() if n < 2)
    if lonely:
        raise ValueError(
            "Every class to train on needs at least 2 images. "
            f"{len(lonely)} have only one, among them {lonely[:_NUM_SHOWN]}"
        )
    lonely = sorted(name for name, n in sizes["test"].items() if n < 2)
    if len(lonely) == len(sizes["test"]):
        raise ValueError(
            "At least one class to test on needs 2 images or more. "
            f"All {len(lonely)} have only one: {lonely[:_NUM_SHOWN]}"
        )
    if lonely:
        logger.warning(
            "%d classes to test on have one image only, which no other can "
            "be found for; they are left out of the scores: %s",
            len(lonely),
            ", ".join(lonely[:_NUM_SHOWN]),
        )


def check_split_sizes(sizes: dict[str, dict[str, int]]) -> None:
    """Refuses splits of unlabelled images that nothing is left of.

    Args:
        sizes: split name to class name, always the same, to number of images.
    """
    for split, least in (("train", 2), ("test", 1)):
        num_images = sum(sizes[split].values())
        if num_images < least:
            raise ValueError(
                f"Split `{split}` must hold at least {least} images; received "
                f"{num_images}, after bad files were set aside"
            )
