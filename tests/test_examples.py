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


def load_script(name):
    """Imports a file of the documentation's folder, which is no package."""
    spec = importlib.util.spec_from_file_location(
        name, ROOT / "docs" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def make_notebooks():
    for package in ("jupytext", "nbclient", "ipykernel"):
        pytest.importorskip(package)
    return load_script("make_notebooks")


def make_notebook(folder):
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
    return finished.stdout


@pytest.fixture(scope="module")
def notebook_path(make_notebooks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    make_notebook(folder)
    return folder / "06_index_and_search.ipynb"


def test_digest_of_a_module_is_of_what_runs(make_notebooks, tmp_path):
    module = tmp_path / "module.py"
    digests = []
    for source in (
        "def f():\n    return 1\n",
        '"""Text."""\ndef f():\n    """Text."""\n    # Why.\n    return 1\n',
        "def f():\n    return 2\n",
    ):
        module.write_text(source)
        digests.append(make_notebooks.digest(module))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.slow
def test_notebook_runs_again_only_where_its_sources_changed(
    make_notebooks, notebook_path
):
    record = notebook_path.with_suffix(".sources.json")
    sources = json.loads(record.read_text())
    assert {
        "examples/06_index_and_search.py",
        "keras_dvml/index/exact.py",
        "keras_dvml/reports/report.html",
        "requirements/default.txt",
    } <= set(sources)
    # The example trains nothing.
    assert "keras_dvml/training/pseudo_labels.py" not in sources
    assert "is up to date" in make_notebook(notebook_path.parent)
    changed = {**sources, "keras_dvml/index/exact.py": "another"}
    record.write_text(json.dumps(changed))
    assert not make_notebooks.is_current(record)
    record.write_text(json.dumps(sources))


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
    generated_pages = load_script("generated_pages")
    page, pictures = generated_pages.notebook_page(notebook_path)
    assert page.startswith("# Index and search\n")
    assert "This is `examples/06_index_and_search.py`." in page
    assert "007.png  1.000" in page
    (path,) = pictures
    assert f"]({path.removeprefix('examples/')})" in page
    assert pictures[path].startswith(b"\x89PNG")
