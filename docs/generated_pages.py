"""Pages that are made of the sources when the site is built.

A page for each room's public names, each example with the output of its
notebook, and the Markdown files that are elsewhere in the tree. A hook of
MkDocs; nothing is imported from the library, nothing is run.
"""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parent.parent
NOTEBOOKS = ROOT / "build" / "notebooks"

_SPELLED = {"rest": "REST", "grpc": "gRPC"}

# Page -> file of the tree.
COPIED = {
    "guides/serving_scann_models.md": "examples/serving_scann_models.md",
    "results.md": "benchmarks/RESULTS.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
}


def on_config(config):
    """Adds the pages to the navigation, behind those that are written."""
    config.nav += [
        {"Examples": ["examples/index.md", *example_pages()]},
        {"Reference": ["reference/index.md", *reference_pages()]},
        {"Results": "results.md"},
        {
            "Project": [
                "guides/rooms.md",
                "contributing.md",
                "security.md",
                "changelog.md",
            ]
        },
    ]
    config.nav[1]["Guides"].append("guides/serving_scann_models.md")
    config.watch += [str(ROOT / name) for name in ("keras_dvml", "examples")]
    return config


def on_files(files, config):
    """Adds the pages themselves, and the pictures on them."""
    from mkdocs.structure.files import File

    pages = {
        **{page: (ROOT / path).read_text() for page, path in COPIED.items()},
        **reference_pages(),
        **example_pages(),
        "reference/index.md": reference_index(),
        "examples/index.md": examples_index(),
    }
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        page, pictures = notebook_page(notebook)
        pages[f"examples/{notebook.stem}.md"] = page
        pages[f"examples/{notebook.name}"] = notebook.read_text()
        pages.update(pictures)
    for picture in (ROOT / "benchmarks").glob("*.svg"):
        pages[picture.name] = picture.read_text()
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def room_names(room):
    """Lists the public names of a room: what its `__init__.py` imports.

    Args:
        room: `pathlib.Path` of the room's folder.

    Returns:
        Dotted names, those of the folders in it included.
    """
    names = []
    for init in sorted(room.rglob("__init__.py")):
        package = ".".join(init.parent.relative_to(ROOT).parts)
        for node in ast.walk(ast.parse(init.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                if node.module.startswith(f"{package}."):
                    names += [f"{package}.{one.name}" for one in node.names]
    return names


def rooms():
    """Lists the folders of the rooms."""
    inits = sorted((ROOT / "keras_dvml").glob("*/__init__.py"))
    return [init.parent for init in inits]


def reference_pages():
    """Returns page -> text, a page a room."""
    pages = {}
    for room in rooms():
        parts = [f"# keras_dvml.{room.name}", docstring_of(room)]
        parts += [f"::: {name}" for name in room_names(room)]
        pages[_reference_page(room)] = "\n\n".join(parts)
    return pages


def reference_index():
    """Returns the page that leads to the rooms."""
    lines = [
        f"| [`{room.name}`]({pathlib.Path(_reference_page(room)).name}) | "
        f"{docstring_of(room)} |"
        for room in rooms()
    ]
    return "\n".join(
        [
            "# Reference",
            "",
            "`import keras_dvml as kd` imports a room when it is first used.",
            "",
            "| room | holds |",
            "|---|---|",
            *lines,
        ]
    )


def _reference_page(room):
    # The room `index` is not the index of the reference.
    return f"reference/keras_dvml.{room.name}.md"


def docstring_of(room):
    """Returns the docstring of a room."""
    tree = ast.parse((room / "__init__.py").read_text())
    return " ".join(ast.get_docstring(tree).split())


def scripts():
    """Lists the examples in reading order."""
    return sorted((ROOT / "examples").glob("[0-9]*.py"))


def title_of(script):
    """Returns a script's name as a title."""
    first, *words = script.stem.split("_")[1:]
    return " ".join([first.capitalize(), *(_SPELLED.get(w, w) for w in words)])


def example_pages():
    """Returns page -> text of the examples, as they stand."""
    return {f"examples/{one.stem}.md": script_page(one) for one in scripts()}


def script_page(script):
    """Returns the page of a script that was not run as a notebook."""
    source = script.read_text()
    docstring = ast.get_docstring(ast.parse(source))
    code = source.split('"""', maxsplit=2)[2].strip("\n")
    return (
        f"# {title_of(script)}\n\n{docstring}\n\n{_origin(script)}\n\n"
        f"```python\n{code}\n```\n"
    )


def notebook_page(path):
    """Returns a notebook's page and its pictures, page path -> bytes."""
    import nbformat
    from nbconvert import MarkdownExporter

    notebook = nbformat.read(path, as_version=4)
    origin = _origin(ROOT / "examples" / f"{path.stem}.py")
    origin += f" As it ran: [notebook]({path.name})."
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(origin))
    text, resources = MarkdownExporter().from_notebook_node(
        notebook, {"output_files_dir": path.stem}
    )
    pictures = {
        f"examples/{name}": content
        for name, content in resources["outputs"].items()
    }
    return text, pictures


def _origin(script):
    return f"This is `examples/{script.name}`."


def examples_index():
    """Returns the page that leads to the examples."""
    lines = []
    for script in scripts():
        docstring = ast.get_docstring(ast.parse(script.read_text()))
        first_line = docstring.splitlines()[0]
        number = script.stem.split("_")[0]
        lines.append(
            f"| {number} | [{title_of(script)}]({script.stem}.md) | "
            f"{first_line} |"
        )
    return "\n".join(
        [
            "# Examples",
            "",
            "Scripts to read in this order. They need no GPU and no download; "
            "the times are those of two cores.",
            "",
            "| | example | |",
            "|---|---|---|",
            *lines,
        ]
    )
