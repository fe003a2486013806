"""Lets the cache know that code has changed.

TFX reuses a step whose inputs and parameters are the same, whatever became of
the code. So each step takes the hash of the code that it runs as a parameter.

What a step runs is read from its module: what that imports of our packages,
and what those modules import. Nothing is imported for it.
"""

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import pathlib
from collections.abc import Iterator

_LIBRARIES = ("tensorflow", "keras", "tfx", "scann", "numpy", "scikit-learn")


@functools.lru_cache
def code_fingerprint(module: str) -> str:
    """Hashes the sources that a module runs, and library versions.

    Args:
        module: dotted name, such as `"pipelines.publishing.indexer"`.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: where there is no such module.
    """
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library}=={_version(library)}\n".encode())
    for path in code_of(module):
        digest.update(f"{path.parent.name}/{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def code_of(module: str) -> list[pathlib.Path]:
    """Lists the files of our packages that a module runs.

    They are its own, those of what it imports anywhere, or names in a text
    such as `"pipelines.training.trainer.run_fn"`, and so on from there. Where a
    package hands on the names of its modules, only the modules whose names are
    used count. So do files beside them that are not Python: templates.

    Args:
        module: dotted name.

    Returns:
        Paths, sorted.

    Raises:
        ValueError: where there is no such module.
    """
    ours = frozenset({"keras_dvml", module.partition(".")[0]})
    waiting = _files_of(module, ours)
    if not waiting:
        raise ValueError(f"`module` must name a module; received {module!r}")
    found = set(waiting)
    while waiting:
        names = set(_names_in(ast.parse(waiting.pop().read_text("utf-8"))))
        new = {path for name in names for path in _files_of(name, ours)}
        waiting += new - found
        found |= new
    templates = {
        path
        for folder in {path.parent for path in found}
        for path in folder.glob("[!.]*.*")
        if path.is_file() and path.suffix != ".py"
    }
    return sorted(found | templates)


def _names_in(tree: ast.Module) -> Iterator[str]:
    """Yields what may be dotted names of our modules, or of what they hold."""
    imported = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            is_from = isinstance(node, ast.ImportFrom)
            start = f"{node.module}." if is_from else ""
            for alias in node.names:
                imported[alias.asname or alias.name] = start + alias.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Also beginnings, as of f"keras_dvml.data.datasets.{name}".
            yield node.value.removesuffix(".")
    # Of a package that is imported, names such as `kd.models.DVML` are used.
    yield from (f"{name}:" for name in imported.values())
    attributes = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    inner = {attribute.value for attribute in attributes}
    for node in attributes:
        if node not in inner:
            first, _, rest = ast.unparse(node).partition(".")
            yield f"{imported.get(first, first)}.{rest}"


def _files_of(name: str, ours: frozenset[str]) -> list[pathlib.Path]:
    """Returns the files that a dotted name stands for; [] for foreign ones."""
    name, is_imported, _ = name.partition(":")
    top, *parts = name.split(".")
    if top not in ours or not parts:
        return []
    # Found without being imported.
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = pathlib.Path(spec.submodule_search_locations[0])
    for part in parts:
        if (folder / part).is_dir():
            folder = folder / part
        elif (folder / f"{part}.py").is_file():
            return [folder / f"{part}.py"]
        else:
            return _handed_on(folder / "__init__.py", part, ours)
    return [] if is_imported else list(folder.rglob("*.py"))


def _handed_on(
    init: pathlib.Path, name: str, ours: frozenset[str]
) -> list[pathlib.Path]:
    """Returns where a package has a name from: another module, or itself."""
    for node in ast.walk(ast.parse(init.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _files_of(f"{node.module}.{alias.name}", ours)
    return [init]


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
