"""Every example runs to its end, as it stands, in a process of its own."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
# The clients need a server: tests/serving runs them.
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").glob("*.py")
    if "_over_" not in path.name
)
# Packages that one of the environments has and the other cannot have.
NEEDS = {
    "02_losses_of_other_packages.py": "tensorflow_similarity",
    "09_pipeline.py": "tfx",
}


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(path, run_python):
    package = NEEDS.get(path.name)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    printed = run_python(path.read_text())
    assert printed.strip()


def test_examples_are_numbered_without_a_gap():
    numbers = [
        int(path.name.split("_")[0])
        for path in sorted((ROOT / "examples").glob("*.py"))
    ]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.fixture(scope="module")
def notebook_path(tmp_path_factory):
    for package in ("jupytext", "nbclient", "ipykernel"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("notebooks")
    finished = subprocess.run(
        [
            *(sys.executable, "docs/make_notebooks.py"),
            "examples/06_index_and_search.py",
            *("--output-dir", folder),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return folder / "06_index_and_search.ipynb"


@pytest.mark.slow
def test_notebook_of_an_example_holds_what_it_showed(notebook_path):
    cells = json.loads(notebook_path.read_text())["cells"]
    title = "".join(cells[0]["source"]).splitlines()[0]
    assert (cells[0]["cell_type"], title) == ("markdown", "# Index and search")
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    printed = "".join(
        "".join(output["text"])
        for output in outputs
        if output["output_type"] == "stream"
    )
    assert "007.png  1.000" in printed
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.slow
def test_page_of_a_notebook_shows_text_and_pictures(notebook_path):
    pytest.importorskip("nbconvert")
    spec = importlib.util.spec_from_file_location(
        "generated_pages", ROOT / "docs" / "generated_pages.py"
    )
    generated_pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generated_pages)
    page, pictures = generated_pages.notebook_page(notebook_path)
    assert page.startswith("# Index and search\n")
    assert "This is `examples/06_index_and_search.py`." in page
    assert "007.png  1.000" in page
    (path,) = pictures
    assert f"]({path.removeprefix('examples/')})" in page
    assert pictures[path].startswith(b"\x89PNG")
