"""Makes notebooks of scripts, runs them and keeps what they show.

    python docs/make_notebooks.py examples/06_index_and_search.py

writes `build/notebooks/06_index_and_search.ipynb`. Cells begin where a script
says `# %%`, text where it says `# %% [markdown]`; the docstring is the first
text. Needs jupytext, nbclient and ipykernel beside what the script needs.
"""

import argparse
import ast
import os
import pathlib
import tempfile

import jupytext
import nbformat
from nbclient import NotebookClient

KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}


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
        notebook = notebook_of(script)
        run(notebook)
        # Written when all of it ran: a notebook that is there is complete.
        path = arguments.output_dir / f"{script.stem}.ipynb"
        nbformat.write(notebook, path)
        print(path)


def notebook_of(script):
    """Returns a script as a notebook that has not been run.

    Args:
        script: `pathlib.Path` of a script with cells in the percent format.
    """
    source = script.read_text()
    notebook = jupytext.reads(source, fmt="py:percent")
    title = script.stem.split("_", maxsplit=1)[1].replace("_", " ").capitalize()
    docstring = ast.get_docstring(ast.parse(source))
    # Above the first marker stands the docstring, which is no code to run.
    notebook.cells[0] = nbformat.v4.new_markdown_cell(
        f"# {title}\n\n{docstring}"
    )
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL})
    return notebook


def run(notebook):
    """Runs a notebook in a new process, its outputs written into it."""
    # Start-up lines of the packages say nothing about the example.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name=KERNEL["name"],
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # A script shows what it prints and draws; values stay unseen.
            cell.outputs = [
                output
                for output in cell.outputs
                if output.output_type != "execute_result"
            ]


if __name__ == "__main__":
    main()
