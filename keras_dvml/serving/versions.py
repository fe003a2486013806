"""Version folders that a watching server never sees half-written."""

import os
import shutil
import tempfile


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
    renamed when it is complete.

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
    return target


class whole_folder:  # noqa: N801 - reads as a statement: `with whole_folder`
    """Context in which a folder is filled before it appears at its place.

    Args:
        target: str. Where the folder is to appear.

    Raises:
        FileExistsError: If something is there already.
    """

    def __init__(self, target):
        self._target = target

    def __enter__(self):
        if os.path.exists(self._target):
            raise FileExistsError(f"{self._target} exists already")
        parent = os.path.dirname(os.path.abspath(self._target))
        os.makedirs(parent, exist_ok=True)
        # Not a number, so no server takes it for a version.
        self._folder = tempfile.mkdtemp(dir=parent, prefix=".incomplete-")
        return self._folder

    def __exit__(self, kind, error, trace):
        if kind is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        os.chmod(self._folder, 0o755)  # mkdtemp lets only its owner in.
        try:
            os.rename(self._folder, self._target)
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
