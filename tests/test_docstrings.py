"""The examples in docstrings run as they stand."""

import doctest
import importlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "keras_dvml").rglob("*.py"))
    if ">>>" in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_module_run(name, tmp_path):
    result = doctest.testmod(
        importlib.import_module(name),
        optionflags=doctest.ELLIPSIS,
        extraglobs={"data_dir": str(tmp_path)},
    )
    assert result.attempted and not result.failed
