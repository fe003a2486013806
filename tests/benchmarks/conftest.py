import pathlib

import pytest

BENCHMARKS = pathlib.Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def beside_the_benchmarks(monkeypatch):
    # They import each other as scripts in one folder do.
    monkeypatch.syspath_prepend(str(BENCHMARKS))
