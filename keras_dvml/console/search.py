"""`keras-dvml search`."""

import os
import tempfile
import webbrowser

import click

from keras_dvml.console.embedding import tell_bad
from keras_dvml.console.images import image_names, read_image
from keras_dvml.console.options import json_option, model_argument, print_json
from keras_dvml.console.searching import searched


@click.command()
@model_argument
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "-k", default=10, show_default=True, help="How many are found of each."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="Write a page with the pictures.",
)
@click.option("--open", "show", is_flag=True, help="Open that page.")
@click.option(
    "--images",
    "root",
    type=click.Path(exists=True, file_okay=False),
    default=".",
    help="Where the pictures of the gallery are; ids are paths from there.",
)
@json_option
def search(
    model: str,
    images: tuple[str, ...],
    k: int,
    output: str | None,
    show: bool,
    root: str,
    as_json: bool,
) -> None:
    """Find what looks like a picture.

    IMAGE is a file, a folder, or an http address. Scores are similarities: of
    most models 1 is the same picture.
    """
    names = list(image_names(images))
    found, bad = searched(model, names, k)
    if as_json:
        errors = [{"image": name, "error": reason} for name, reason in bad]
        print_json(found + errors)
    else:
        _print(found)
    tell_bad(bad)
    if output or show:
        output = output or tempfile.mkstemp(suffix=".html")[1]
        _write_page(output, found, root)
        click.echo(f"{output} shows the pictures", err=True)
    if output and show:
        webbrowser.open(f"file://{os.path.abspath(output)}")
    if bad:
        raise SystemExit(1)


def _print(found):
    for one in found:
        click.echo(one["image"])
        for place, other in enumerate(one["neighbours"], 1):
            mark = "  match" if other.get("is_match") else ""
            click.echo(f"{place:4}  {other['score']:6.3f}  {other['id']}{mark}")


def _write_page(path, found, root):
    from keras_dvml.reports import Search, SearchResult, write_searches

    searches = []
    for one in found:
        results = []
        for other in one["neighbours"]:
            try:
                content = read_image(os.path.join(root, other["id"]))
            except (OSError, ValueError) as error:
                raise ValueError(
                    "--images must be the folder of the gallery's pictures; "
                    f"received {root!r}, where {other['id']!r} cannot be read: "
                    f"{error}"
                ) from error
            results.append(SearchResult(content, other["id"], other["score"]))
        content = read_image(one["image"])
        searches.append(Search(content, one["image"], results))
    write_searches(path, searches)
