"""The examples in docstrings of the pipeline run as they stand."""

import doctest
import importlib
import pathlib

import pytest

import pipelines

ROOT = pathlib.Path(pipelines.__file__).parent
MODULES = [
    ".".join(("pipelines", *path.relative_to(ROOT).with_suffix("").parts))
    for path in sorted(ROOT.rglob("*.py"))
    if ">>>" in path.read_text()
]


@pytest.mark.pipeline
@pytest.mark.parametrize("name", MODULES)
def test_examples_of_module_run(name):
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS
    )
    assert result.attempted and not result.failed
