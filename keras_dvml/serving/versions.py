"""Version folders that a watching server never sees half-written."""

import os
import shutil

from keras_dvml.serving.custom_ops import custom_ops
from keras_dvml.serving.notes import write_notes
from keras_dvml.whole_files import whole_folder


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
    source_dir, base_dir = os.fspath(source_dir), os.fspath(base_dir)
    if not os.path.isfile(os.path.join(source_dir, "saved_model.pb")):
        raise ValueError(f"no SavedModel in source_dir {source_dir!r}")
    if version is None:
        version = next_version(base_dir)
    target = os.path.join(base_dir, str(version))
    with whole_folder(target) as folder:
        shutil.copytree(source_dir, folder, dirs_exist_ok=True)
    write_notes(base_dir, custom_ops(target))
    return target
