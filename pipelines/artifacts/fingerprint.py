"""Tells the cache that code has changed.

TFX reuses a step whose inputs and parameters are the same, whatever became of
the code. So each step takes the hash of the code it runs as a parameter.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import pathlib

_LIBRARIES = ("tensorflow", "tfx", "scann", "numpy", "scikit-learn")


@functools.lru_cache
def code_fingerprint(*names: str) -> str:
    """Hashes the sources of packages and modules, and library versions.

    Args:
        names: dotted names such as `"keras_dvml.losses"`; a package stands
            for all the modules below it.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library}=={_version(library)}\n".encode())
    for name in names:
        for path in _sources(name):
            digest.update(f"{name} {path.parent.name}/{path.name}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources(name: str) -> list[pathlib.Path]:
    top, *rest = name.split(".")
    # Only the top package is looked up, so that nothing is imported.
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"`names` must be importable. Received: {name!r}")
    path = pathlib.Path(spec.submodule_search_locations[0], *rest)
    if path.is_dir():
        # Templates and styles are code too.
        return sorted(
            file
            for file in path.rglob("*")
            if file.is_file()
            and "__pycache__" not in file.parts
            # Left by file managers and editors.
            and not file.name.startswith(".")
        )
    if path.with_suffix(".py").is_file():
        return [path.with_suffix(".py")]
    raise ValueError(f"`names` must name packages or modules. Got: {name!r}")


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
