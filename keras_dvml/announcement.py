"""Which servers run on this machine, so that a command can ask one of them.

A file for each server, in a folder that only its user can write to.
"""

import contextlib
import getpass
import json
import os
import tempfile
from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def announced(url: str, base_dirs: Mapping[str, str]) -> Iterator[None]:
    """Announces a server until the context ends.

    Args:
        url: Where it listens.
        base_dirs: The folder of each model's versions, by its name.
    """
    path = os.path.join(_folder(), f"{os.getpid()}.json")
    models = {name: os.path.realpath(base_dirs[name]) for name in base_dirs}
    with open(path, "w") as file:
        json.dump({"url": url, "models": models}, file)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def servers_of(base_dir: str) -> Iterator[tuple[str, str]]:
    """Yields the URL of each server of a model, and the model's name there.

    They may have ended without a word.

    Args:
        base_dir: The folder of the model's versions.
    """
    folder, wanted = _folder(), os.path.realpath(base_dir)
    for name in os.listdir(folder):
        try:
            with open(os.path.join(folder, name)) as file:
                server = json.load(file)
        except (OSError, ValueError):
            continue
        for model, path in server["models"].items():
            if path == wanted:
                yield server["url"], model


def _folder():
    folder = os.path.join(
        tempfile.gettempdir(), f"keras_dvml-{getpass.getuser()}"
    )
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # Another's folder could name another's server.
    if hasattr(os, "getuid") and os.stat(folder).st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder
