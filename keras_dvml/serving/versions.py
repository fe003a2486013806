"""Version folders that a watching server never sees half-written."""

import os
import shutil

from keras_dvml.serving.custom_ops import custom_ops
from keras_dvml.serving.notes import write_notes
from keras_dvml.whole_files import whole_folders


def next_version(*base_dirs):
    """Returns the number after the highest version in any of the folders."""
    versions = [0]
    for base_dir in base_dirs:
        if os.path.isdir(base_dir):
            names = os.listdir(base_dir)
            versions += [int(name) for name in names if name.isdecimal()]
    return max(versions) + 1


def publish(source_dir, base_dir, version=None):
    """Copies a SavedModel to `<base_dir>/<version>`, whole or not at all.

    The copy is made beside its place under a name that servers ignore, and
    renamed when it is complete. Beside the versions lie then `README.md` and
    `models.config`, as after `export`.

    Args:
        source_dir: str. A SavedModel.
        base_dir: str. The folder of a served model's versions.
        version: int or `None`. Defaults to the next one.

    Returns:
        str. The new version's folder.

    Raises:
        ValueError: If `source_dir` holds no SavedModel.
        FileExistsError: If the version exists.
    """
    if version is None:
        version = next_version(base_dir)
    (target,) = publish_all({base_dir: source_dir}, version)
    return target


def publish_all(source_dirs, version):
    """Copies SavedModels as `publish` does, all of them or none.

    Args:
        source_dirs: dict from the folder of a served model's versions to a
            SavedModel; versions appear in its order.
        version: int. The same for all.

    Returns:
        list of str. The new versions' folders.

    Raises:
        ValueError: If one of the sources holds no SavedModel.
        FileExistsError: If one has that version.
    """
    for source_dir in map(os.fspath, source_dirs.values()):
        if not os.path.isfile(os.path.join(source_dir, "saved_model.pb")):
            raise ValueError(f"no SavedModel in source_dir {source_dir!r}")
    targets = [os.path.join(base, str(version)) for base in source_dirs]
    with whole_folders(*targets) as folders:
        for source_dir, folder in zip(
            source_dirs.values(), folders, strict=True
        ):
            shutil.copytree(source_dir, folder, dirs_exist_ok=True)
    for base_dir, target in zip(source_dirs, targets, strict=True):
        write_notes(base_dir, custom_ops(target))
    return targets
