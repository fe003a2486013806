"""The next version of a published model, with a gallery that has changed."""

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from keras_dvml.index import Index
from keras_dvml.publisher_lock import only_publisher_of
from keras_dvml.serving.export import flavour_modules, write_next_version
from keras_dvml.serving.published import Published, load
from keras_dvml.serving.versions import publish_all, versions_of
from keras_dvml.whole_files import PREFIX, full_path

#: Below a version's folder: what was added and removed since it was trained.
CHANGES_FILE = os.path.join("assets.extra", "changes.json")

Changes = dict[str, Any]


def publish_change(
    path: str | os.PathLike, change: Callable[[Published, Index], Changes]
) -> list[str]:
    """Publishes the newest version with changes to its index.

    The model stays as it is, and what the index holds is not embedded again.
    Nobody else publishes the model meanwhile.

    Args:
        path: Folder of the model's versions, that of the exact flavour.
        change: Adds items to the index or removes some, and returns what is to
            be known of it: `added`, from id to path, and `removed`, ids.

    Returns:
        The folders written, the exact flavour first.

    Raises:
        ValueError: If the model has no index, or as `change` does. Nothing is
            written then.
    """
    path = full_path(path)
    with only_publisher_of(path):
        published = load(path)
        twin = os.path.join(f"{path}-scann", str(published.version))
        has_twin = os.path.isdir(twin)
        index = (load(twin) if has_twin else published).index
        if index is None:
            raise ValueError(
                f"path must be of a model with an index; received {path}"
            )
        facts, before = published.facts, read_changes(published.folder)
        now = change(published, index)
        index = index.rebuilt()
        modules = flavour_modules(
            published.model,
            path,
            index,
            min(facts["k"], len(index)),
            recall_floor=0.0,
            match_threshold=_threshold(facts),
        )
        changes = json.dumps(_joined(before, now), indent=2)
        return write_next_version(
            path, modules, facts.get("remark", ""), {CHANGES_FILE: changes}
        )


def read_changes(folder: str) -> Changes:
    """Returns what was added to a version, from id to path, and removed."""
    try:
        with open(os.path.join(folder, CHANGES_FILE), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"added": {}, "removed": []}


def roll_back(path: str | os.PathLike, version: int) -> list[str]:
    """Publishes an earlier version once more, as the newest.

    Servers take the highest number: those that watch the folder change over.

    Args:
        path: Folder of the model's versions.
        version: The earlier one.

    Returns:
        The folders written, of each flavour that the version has.

    Raises:
        ValueError: If there is no such version.
    """
    path = full_path(path)
    _check_version(path, version)
    # The exact flavour last: where a version of it is, so is its twin.
    sources = {
        base_dir: os.path.join(base_dir, str(version))
        for base_dir in (f"{path}-scann", path)
        if version in versions_of(base_dir)
    }
    return publish_all(sources)[::-1]


def prune(path: str | os.PathLike, keep: int) -> list[str]:
    """Deletes all but the newest versions, of both flavours.

    Args:
        path: Folder of the model's versions.
        keep: >= 1. How many stay.

    Returns:
        The folders deleted.
    """
    if keep < 1:
        raise ValueError(f"keep must be at least 1; received {keep}")
    path = full_path(path)
    deleted = []
    with only_publisher_of(path):
        kept = versions_of(path)[-keep:]
        for base_dir in (path, f"{path}-scann"):
            for version in versions_of(base_dir):
                if version not in kept:
                    folder = os.path.join(base_dir, str(version))
                    _delete_whole(folder)
                    deleted.append(folder)
    return deleted


def _delete_whole(folder: str) -> None:
    """Deletes a version that no reader sees half of."""
    parent = os.path.dirname(folder)
    place = tempfile.mkdtemp(dir=parent, prefix=PREFIX)
    os.rename(folder, os.path.join(place, "version"))
    shutil.rmtree(place)


def _check_version(path: str, version: int) -> None:
    versions = versions_of(path)
    if version not in versions:
        raise ValueError(
            f"version must be one of {', '.join(map(str, versions))}, those of "
            f"{path}; received {version}"
        )


@dataclasses.dataclass
class _KnownThreshold:
    threshold: float
    false_match_rate: float | None
    true_match_rate: float | None

    def __float__(self) -> float:
        return self.threshold


def _threshold(facts: Mapping[str, Any]) -> _KnownThreshold | float | None:
    threshold = facts.get("match_threshold")
    if threshold is None or "false_match_rate" not in facts:
        return threshold
    return _KnownThreshold(
        threshold, facts["false_match_rate"], facts.get("true_match_rate")
    )


def _joined(before: Changes, now: Changes) -> Changes:
    added = {**before["added"], **now.get("added", {})}
    gone = set(now.get("removed", ()))
    removed = (set(before["removed"]) | gone) - set(now.get("added", {}))
    return {
        "added": {name: added[name] for name in added if name not in gone},
        # What was added by hand and is gone again leaves no trace.
        "removed": sorted(removed - (gone & before["added"].keys())),
    }
