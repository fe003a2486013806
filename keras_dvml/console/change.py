"""`keras-dvml add` and `keras-dvml remove`."""

import os
from typing import Any

import click

from keras_dvml.console.embedding import embedded, tell_bad
from keras_dvml.console.images import image_names
from keras_dvml.console.options import (
    base_dir_of,
    json_option,
    model_argument,
    print_json,
)


@click.command()
@model_argument
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@json_option
def add(model: str, folder: str, as_json: bool) -> None:
    """Publish the next version, with the pictures of FOLDER in its gallery.

    Nothing is trained, and what the gallery holds is not embedded again. Ids
    are paths from FOLDER. A server takes the version up by itself.
    """
    names = list(image_names([folder]))
    bad: list[tuple[str, str]] = []

    def change(published, index):
        added = {}
        for batch in embedded(published, names):
            ids = [os.path.relpath(name, folder) for name in batch.names]
            if ids:
                index.add(batch.embeddings, ids)
            paths = map(os.path.abspath, batch.names)
            added.update(zip(ids, paths, strict=True))
            bad.extend(batch.bad)
        if not added:
            raise ValueError(f"none of the pictures in {folder} could be read")
        return {"added": added}

    written = _published(model, change)
    tell_bad(bad)
    _tell(
        as_json, written, {"added": len(names) - len(bad), "left_out": len(bad)}
    )


@click.command()
@model_argument
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--everywhere",
    is_flag=True,
    help="Delete all earlier versions too, which hold what is removed.",
)
@json_option
def remove(
    model: str, ids: tuple[str, ...], everywhere: bool, as_json: bool
) -> None:
    """Publish the next version, without some pictures in its gallery.

    ID is the id of a picture as a search returns it.
    """

    def change(published, index):
        index.remove(list(ids))
        return {"removed": list(ids)}

    written = _published(model, change)
    facts: dict[str, Any] = {"removed": len(ids)}
    if everywhere:
        from keras_dvml.serving.changed_versions import prune

        facts["deleted"] = prune(base_dir_of(model), keep=1)
    _tell(as_json, written, facts)


def _published(model, change):
    from keras_dvml.serving.changed_versions import publish_change

    return publish_change(base_dir_of(model), change)


def _tell(as_json, written, facts):
    if as_json:
        print_json({"written": written, **facts})
        return
    counts = [
        f"{value:,} {name.replace('_', ' ')}"
        for name, value in facts.items()
        if isinstance(value, int)
    ]
    click.echo(f"{', '.join(written)}: {', '.join(counts)}")
    for folder in facts.get("deleted", ()):
        click.echo(f"{folder}: deleted")
