"""The documentation's code runs, and its reference names what is public."""

import importlib
import importlib.util
import pathlib
import re
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    path for path in DOCS.rglob("*.md") if "```python" in path.read_text()
)


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
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    code = "\n".join(blocks)
    run_python(f"import os; os.chdir({str(tmp_path)!r})\n{code}")


def test_there_are_pages_with_code():
    assert len(PAGES) == 6


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
