"""Every example runs to its end, as it stands, in a process of its own."""

import pathlib

import pytest

# The clients need a server: tests/serving runs them.
EXAMPLES = sorted(
    path
    for path in (pathlib.Path(__file__).parent.parent / "examples").glob("*.py")
    if "_over_" not in path.name
)


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(path, run_python):
    printed = run_python(path.read_text())
    assert printed.strip()
