"""The documentation's code runs, and its pages name what there is."""

import importlib
import importlib.util
import os
import pathlib
import re
import runpy
import subprocess
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    path for path in DOCS.rglob("*.md") if "```python" in path.read_text()
)
PROSE = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def python_blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def load(name):
    """Imports a file of the folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated_pages():
    return load("generated_pages")


@pytest.fixture
def docstring_sections(monkeypatch):
    # Griffe is where the site is built; what is tested does without.
    griffe = types.SimpleNamespace(Extension=object)
    monkeypatch.setitem(sys.modules, "griffe", griffe)
    return load("docstring_sections")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_of_page_runs_as_it_stands(page, tmp_path, run_python):
    # The one for an object store is tested below.
    blocks = [block for block in python_blocks(page) if "gs://" not in block]
    code = "\n".join(blocks)
    run_python(f"import os; os.chdir({str(tmp_path)!r})\n{code}")


def test_there_are_pages_with_code():
    assert len(PAGES) == 7


def test_data_set_for_containers_is_prepared_as_it_says(tmp_path, run_python):
    pytest.importorskip("tensorflow_datasets")
    archives = runpy.run_path(
        str(ROOT / "tests" / "data" / "datasets" / "write_archives.py")
    )
    archives["write_cub"](tmp_path, archives["draw_classes"](5, 3))
    (code,) = (
        block
        for block in python_blocks(DOCS / "guides" / "scaling.md")
        if "gs://" in block
    )
    for written, here in (
        ("gs://BUCKET", str(tmp_path / "bucket")),
        ("FOLDER", str(tmp_path)),
        # Of the whole set every image must be there.
        ("/whole", "/part"),
    ):
        assert written in code
        code = code.replace(written, here)
    run_python(code)
    prepared = tmp_path / "bucket" / "keras_dvml" / "datasets"
    assert list(prepared.glob("cub200_retrieval/part/*/dataset_info.json"))


def test_losses_table_names_every_loss():
    import keras_dvml as kd

    text = (DOCS / "guides" / "losses.md").read_text()
    name, path = r"(\w+Loss)", r"(keras_dvml/losses/\w+\.py)"
    rows = re.findall(
        rf"^\| \[`{name}`\]\(\S+\.{name}\) \| `{path}`", text, re.MULTILINE
    )
    public = {name for name in vars(kd.losses) if name.endswith("Loss")}
    assert {name for name, _, _ in rows} == public - {
        "MetricLoss",
        "PairLoss",
        "ProxyLoss",
    }
    for name, linked, path in rows:
        assert linked == name
        assert f"class {name}(" in (ROOT / path).read_text()


@pytest.mark.parametrize("page", PROSE, ids=lambda path: path.name)
def test_paths_in_prose_lead_to_files(page):
    tops = "keras_dvml|pipelines|benchmarks|docs|examples|requirements|tests"
    named = re.findall(rf"`((?:{tops})/[\w/.]+)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.slow
def test_site_builds_and_its_search_works_from_files(tmp_path, browser):
    for package in ("mkdocs", "material", "mkdocstrings_handlers"):
        pytest.importorskip(package)
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--site-dir",
            tmp_path,
        ],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    requests = []
    page = browser.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.goto((tmp_path / "index.html").as_uri())
    page.locator("[data-md-component=search-query]").first.fill("CircleLoss")
    found = page.locator(".md-search-result__link").first
    assert "reference/keras_dvml.losses.html" in found.get_attribute("href")
    page.goto((tmp_path / "reference" / "keras_dvml.losses.html").as_uri())
    source = page.locator("details", has_text="keras_dvml/losses/circle.py")
    source.first.locator("summary").click()
    assert "class CircleLoss(" in source.first.inner_text()
    outside = [url for url in requests if not url.startswith("file:")]
    assert [url for url in outside if not url.startswith("data:")] == []


def test_reference_has_every_public_name(generated_pages):
    for room in generated_pages.rooms():
        module = importlib.import_module(f"keras_dvml.{room.name}")
        public = {
            f"keras_dvml.{room.name}.{name}"
            for name, value in vars(module).items()
            if not name.startswith("_")
            and not isinstance(value, types.ModuleType)
        }
        listed = generated_pages.room_names(room)
        assert len(listed) == len(set(listed))
        # Folders in a room have names of their own.
        depth = len("keras_dvml.room.name".split("."))
        direct = {name for name in listed if len(name.split(".")) == depth}
        assert direct == public


def test_reference_has_the_data_sets(generated_pages):
    listed = generated_pages.room_names(ROOT / "keras_dvml" / "data")
    assert "keras_dvml.data.datasets.load_glyphs" in listed
    assert "keras_dvml.data.datasets.Glyphs" in listed


def test_pages_of_rooms_and_examples_have_names_of_their_own(generated_pages):
    # The room `index` was once taken for the index of the reference.
    pages = [
        *generated_pages.reference_pages(),
        *generated_pages.example_pages(),
        *generated_pages.COPIED,
        *("reference/index.md", "examples/index.md", "index.md"),
    ]
    assert len(set(pages)) == len(pages)


def test_page_of_a_script_has_title_text_and_code(generated_pages, tmp_path):
    script = tmp_path / "04_unlabelled_folder.py"
    script.write_text('"""What it does.\n\nAnd how.\n"""\n\n# %%\nprint(1)\n')
    assert generated_pages.script_page(script) == (
        "# Unlabelled folder\n\nWhat it does.\n\nAnd how.\n\n"
        "This is `examples/04_unlabelled_folder.py`.\n\n"
        "```python\n# %%\nprint(1)\n```\n"
    )


def test_docstring_gets_sections_that_the_site_knows(docstring_sections):
    docstring = (
        "Adds.\n\nArgs:\n    a: int.\n\nCall arguments:\n    b: int.\n\n"
        "Returns:\n    int, the sum\n    of both.\n\n"
        "Example:\n>>> 1 + 1\n2\n\n"
        "Reference:\n    [A](https://a.org)"
    )
    assert docstring_sections.rewritten(docstring) == (
        "Adds.\n\nArgs:\n    a: int.\n\n"
        "Other Parameters: Call arguments:\n    b: int.\n\n"
        "**Returns:**\n\nint, the sum\nof both.\n\n"
        "Examples: Example:\n    >>> 1 + 1\n    2\n\n"
        "Reference: [A](https://a.org)"
    )


def test_docstring_without_sections_stays(docstring_sections):
    assert docstring_sections.rewritten("Adds.\n\nTwice.") == "Adds.\n\nTwice."
