"""Makes notebooks of scripts, runs them and keeps what they show.

    python docs/make_notebooks.py examples/06_index_and_search.py

writes `build/notebooks/06_index_and_search.ipynb`. Cells begin where a script
has `# %%`, text where it has `# %% [markdown]`; the docstring is the first
text. Needs jupytext, nbclient and ipykernel besides what the script needs.

`06_index_and_search.sources.json` beside it holds a digest of each file that
the notebook depends on: the script, the pinned packages, and every module of
ours that its process had imported at the end, with the templates beside those.
A notebook whose digests are all the same is not run again.
"""

import argparse
import ast
import hashlib
import json
import os
import pathlib
import tempfile

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}
PACKAGES = ("keras_dvml", "pipelines")
_PRINT_MODULES = f"""\
import sys
for name, module in [*sys.modules.items()]:
    if name.partition(".")[0] in {PACKAGES}:
        print(module.__file__)
"""


def main():
    """Makes the notebooks that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="+", type=pathlib.Path)
    parser.add_argument(
        "--output-dir", type=pathlib.Path, default="build/notebooks"
    )
    arguments = parser.parse_args()
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    for script in arguments.scripts:
        path = arguments.output_dir / f"{script.stem}.ipynb"
        record = path.with_suffix(".sources.json")
        if path.exists() and is_current(record):
            print(f"{path} is up to date")
            continue
        record.unlink(missing_ok=True)
        notebook = notebook_of(script)
        imported = run(notebook)
        # Written when all of it ran: a notebook that is there is complete.
        nbformat.write(notebook, path)
        record.write_text(json.dumps(digests(script, imported), indent=1))
        print(path)


def is_current(record):
    """Checks whether the files of a record are what they were.

    Args:
        record: `pathlib.Path` of a JSON file, path to digest.

    Returns:
        bool. False where there is no record.
    """
    if not record.exists():
        return False
    return all(
        (ROOT / name).is_file() and digest(ROOT / name) == recorded
        for name, recorded in json.loads(record.read_text()).items()
    )


def digests(script, imported):
    """Lists what a notebook depends on.

    Args:
        script: `pathlib.Path` of the script that it was made of.
        imported: `pathlib.Path`s of our modules.

    Returns:
        dict, path relative to the clone to digest. The file of pinned
        packages stands for the modules of others.
    """
    templates = {
        path
        for folder in {module.parent for module in imported}
        for path in folder.glob("[!.]*")
        if path.is_file() and path.suffix != ".py"
    }
    pinned = ROOT / "requirements" / "default.txt"
    this_file = pathlib.Path(__file__).resolve()
    files = {script.resolve(), this_file, pinned, *imported, *templates}
    return {os.path.relpath(path, ROOT): digest(path) for path in sorted(files)}


def digest(path):
    """Hashes a file; of a module what runs, without docstrings and comments.

    Args:
        path: `pathlib.Path`. Of an example everything counts: it is shown.
    """
    content = path.read_bytes()
    if path.suffix == ".py" and path.parent.name != "examples":
        tree = ast.parse(content)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_text(body[0]):
                del body[0]
        content = ast.dump(tree).encode()
    return hashlib.sha256(content).hexdigest()


def _is_text(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def notebook_of(script):
    """Returns a script as a notebook that has not been run.

    Args:
        script: `pathlib.Path` of a script with cells in the percent format.
    """
    source = script.read_text()
    notebook = jupytext.reads(source, fmt="py:percent")
    title = script.stem.split("_", maxsplit=1)[1].replace("_", " ").capitalize()
    docstring = ast.get_docstring(ast.parse(source))
    # The first cell is the docstring, which is not code to run.
    notebook.cells[0] = nbformat.v4.new_markdown_cell(
        f"# {title}\n\n{docstring}"
    )
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL})
    return notebook


def run(notebook):
    """Runs a notebook in a new process, its outputs written into it.

    Returns:
        list of `pathlib.Path`. Our modules that it had imported at its end.
    """
    # Start-up lines of the packages have nothing to do with the example.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    notebook.cells.append(nbformat.v4.new_code_cell(_PRINT_MODULES))
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name=KERNEL["name"],
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        ).execute()
    (listed,) = notebook.cells.pop().outputs
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # A script shows what it prints and draws, not values.
            cell.outputs = [
                output
                for output in cell.outputs
                if output.output_type != "execute_result"
            ]
    return [pathlib.Path(line) for line in listed.text.splitlines()]


if __name__ == "__main__":
    main()
