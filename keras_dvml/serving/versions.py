"""Version folders that a watching server never sees half-written."""

import os
import shutil
from collections.abc import Mapping
from typing import TypeVar

import tensorflow as tf

from keras_dvml.publisher_lock import only_publisher_of
from keras_dvml.serving.custom_ops import custom_ops
from keras_dvml.serving.facts import read_facts
from keras_dvml.serving.notes import write_notes
from keras_dvml.whole_files import is_uri, whole_folders

BaseDir = TypeVar("BaseDir", bound=str | os.PathLike)


def next_version(*base_dirs: str | os.PathLike) -> int:
    """Returns the number after the highest version in any of the folders.

    Args:
        *base_dirs: Folders of a served model's versions, also of an object
            store; they need not exist.

    Example:
        >>> import os, tempfile
        >>> import keras_dvml as kd
        >>> base_dir = tempfile.mkdtemp()
        >>> os.makedirs(os.path.join(base_dir, "7"))
        >>> kd.serving.next_version(base_dir)
        8
    """
    names = [
        # Object stores list folders with a slash at their end.
        name.rstrip("/")
        for base_dir in base_dirs
        if tf.io.gfile.isdir(base_dir)
        for name in tf.io.gfile.listdir(base_dir)
    ]
    return max((int(name) for name in names if name.isdecimal()), default=0) + 1


def versions_of(base_dir: str | os.PathLike) -> list[int]:
    """Returns the versions that are complete, lowest first.

    Args:
        base_dir: As for `next_version`.
    """
    if not tf.io.gfile.isdir(base_dir):
        return []
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(base_dir)]
    return sorted(
        int(name)
        for name in names
        if name.isdecimal()
        and tf.io.gfile.exists(os.path.join(base_dir, name, "saved_model.pb"))
    )


def publish(
    source_dir: str | os.PathLike,
    base_dir: str | os.PathLike,
    version: int | None = None,
) -> str:
    """Copies a SavedModel to `<base_dir>/<version>`, whole or not at all.

    The copy is made beside its place under a name that servers ignore, and
    renamed when it is complete. `README.md` and `models.config` are written
    beside the versions, as by `export`. Processes that publish or export the
    same model at once take turns. Folders may be URIs that TensorFlow can use,
    such as `gs://`; `export` documents what a store cannot do.

    Args:
        source_dir: A SavedModel.
        base_dir: The folder of a served model's versions.
        version: Number of the version; `None` for the next one.

    Returns:
        The new version's folder.

    Raises:
        ValueError: If `source_dir` holds no SavedModel.
        FileExistsError: If the version exists.

    Example:
        >>> import os, tempfile
        >>> import keras_dvml as kd
        >>> folder = tempfile.mkdtemp()
        >>> source_dir = os.path.join(folder, "trained")
        >>> backbone = kd.models.conv_backbone(16, widths=(4, 8))
        >>> kd.serving.write_saved_model(backbone, source_dir)
        >>> version = kd.serving.publish(
        ...     source_dir, os.path.join(folder, "birds")
        ... )
        >>> os.path.basename(version)
        '1'
    """
    (target,) = publish_all({base_dir: source_dir}, version)
    return target


def publish_all(
    source_dirs: Mapping[BaseDir, str | os.PathLike],
    version: int | None = None,
) -> list[str]:
    """Copies SavedModels as `publish` does, all of them or none.

    Args:
        source_dirs: From the folder of a served model's versions to a
            SavedModel; versions appear in its order.
        version: The same number for all; `None` for the one after the highest
            of all.

    Returns:
        The new versions' folders.

    Raises:
        ValueError: If one of the sources holds no SavedModel.
        FileExistsError: If one has that version.

    Example:
        >>> import os, tempfile
        >>> import keras_dvml as kd
        >>> folder = tempfile.mkdtemp()
        >>> source_dir = os.path.join(folder, "trained")
        >>> backbone = kd.models.conv_backbone(16, widths=(4, 8))
        >>> kd.serving.write_saved_model(backbone, source_dir)
        >>> base_dirs = [os.path.join(folder, name) for name in "ab"]
        >>> versions = kd.serving.publish_all(
        ...     {base_dir: source_dir for base_dir in base_dirs}
        ... )
        >>> [os.path.relpath(version, folder) for version in versions]
        ['a/1', 'b/1']
    """
    for source_dir in source_dirs.values():
        if not tf.io.gfile.exists(os.path.join(source_dir, "saved_model.pb")):
            raise ValueError(
                "source_dir must hold a SavedModel; received "
                f"{os.fspath(source_dir)!r} without one"
            )
    with only_publisher_of(*source_dirs):
        if version is None:
            version = next_version(*source_dirs)
        targets = [os.path.join(base, str(version)) for base in source_dirs]
        with whole_folders(*targets) as folders:
            for source_dir, folder in zip(
                source_dirs.values(), folders, strict=True
            ):
                _copy_contents(os.fspath(source_dir), folder)
        for base_dir, target in zip(source_dirs, targets, strict=True):
            remark = read_facts(target).get("remark", "")
            write_notes(base_dir, custom_ops(target), remark)
    return targets


def _copy_contents(source: str, target: str) -> None:
    if not is_uri(source):
        shutil.copytree(source, target, dirs_exist_ok=True)
        return
    for folder, _, names in tf.io.gfile.walk(source):
        inside = os.path.relpath(folder, source)
        os.makedirs(os.path.join(target, inside), exist_ok=True)
        for name in names:
            tf.io.gfile.copy(
                os.path.join(folder, name), os.path.join(target, inside, name)
            )
