"""The files below folders, links followed, clutter left aside."""

import logging
import os
import pathlib
from collections.abc import Iterable

# What file managers, archives and storage devices leave, in small letters.
_CLUTTER = {
    "$recycle.bin", "#recycle", "#snapshot", "@eadir", "@recently-snapshot",
    "@recycle", "@tmp", "__macosx", "desktop.ini", "ehthumbs.db",
    "ehthumbs_vista.db", "icon\r", "lost+found", "network trash folder",
    "picasa.ini", "recycler", "system volume information", "temporary items",
    "thumbs.db",
}  # fmt: skip
_NUM_SHOWN = 3

logger = logging.getLogger(__name__)


def visible(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns what a folder holds, by name, without hidden and clutter."""
    return sorted(path for path in folder.iterdir() if not _is_clutter(path))


def files_below(
    folders: Iterable[pathlib.Path],
) -> dict[pathlib.Path, list[pathlib.Path]]:
    """Lists the files of folders and the folders below, links followed.

    Each folder is read once, whatever links lead to it, under its own name
    where it has one below `folders`; so circles end, and no image is there
    twice. What is passed over is counted in a warning.

    Args:
        folders: none of them within another.

    Returns:
        Folder to its files, those of a folder before those of its
        sub-folders, by name.
    """
    found: dict[pathlib.Path, list[pathlib.Path]] = {
        folder: [] for folder in folders
    }
    seen: set[tuple[int, int]] = set()
    clutter: list[str] = []
    again: list[str] = []
    # Links last, so that what they lead to is known by its own name.
    waiting = sorted(
        ((folder, folder) for folder in found),
        key=lambda pair: pair[0].is_symlink(),
    )
    for top, start in waiting:
        for parent, dirs, files in os.walk(
            start, onerror=_say_unreadable, followlinks=False
        ):
            here = pathlib.Path(parent)
            stat = os.stat(here)
            if (stat.st_dev, stat.st_ino) in seen:
                again.append(str(here))
                dirs.clear()
                continue
            seen.add((stat.st_dev, stat.st_ino))
            inner = [here / name for name in sorted(dirs)]
            clutter += [
                str(path)
                for path in [*inner, *(here / name for name in files)]
                if _is_clutter(path)
            ]
            inner = [path for path in inner if not _is_clutter(path)]
            waiting += [(top, path) for path in inner if path.is_symlink()]
            dirs[:] = [path.name for path in inner if not path.is_symlink()]
            paths = [here / name for name in sorted(files)]
            found[top] += [path for path in paths if not _is_clutter(path)]
    _say("hidden files and folders, or what storage devices leave", clutter)
    _say("links to folders that are read already", again)
    return {
        top: sorted(paths, key=lambda path, top=top: _place(path, top))
        for top, paths in found.items()
    }


def _place(path: pathlib.Path, top: pathlib.Path) -> list[tuple[bool, str]]:
    *parents, name = path.relative_to(top).parts
    return [*((True, parent) for parent in parents), (False, name)]


def _is_clutter(path: pathlib.Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _CLUTTER


def _say_unreadable(error: OSError) -> None:
    logger.warning("Passed over: %s", error)


def _say(what: str, paths: list[str]) -> None:
    if paths:
        logger.warning(
            "Passed over %d %s: %s",
            len(paths),
            what,
            ", ".join(paths[:_NUM_SHOWN])
            + (", ..." if len(paths) > _NUM_SHOWN else ""),
        )
