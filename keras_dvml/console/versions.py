"""`keras-dvml info`, `versions`, `rollback` and `prune`."""

import datetime
import os

import click

from keras_dvml.console.options import (
    base_dir_of,
    json_option,
    model_argument,
    print_json,
    print_table,
)


@click.command()
@model_argument
@json_option
def info(model: str, as_json: bool) -> None:
    """Tell what a model holds and what was measured of it."""
    from keras_dvml.serving import load
    from keras_dvml.serving.changed_versions import read_changes
    from keras_dvml.serving.model_file import MODEL_FILE

    published = load(model)
    changes = read_changes(published.folder)
    facts = {
        "folder": published.folder,
        **published.facts,
        "signatures": _signature_names(published.folder),
        "carries_keras_model": os.path.exists(
            os.path.join(published.folder, MODEL_FILE)
        ),
        "added_by_hand": len(changes["added"]),
        "removed_by_hand": len(changes["removed"]),
    }
    if as_json:
        print_json(facts)
    else:
        print_table([(name, _spelt(facts[name])) for name in facts])


@click.command()
@model_argument
@json_option
def versions(model: str, as_json: bool) -> None:
    """List the versions of a model, the newest last."""
    from keras_dvml.serving.facts import read_facts
    from keras_dvml.serving.versions import versions_of

    rows = []
    for version in versions_of(model):
        folder = os.path.join(model, str(version))
        facts = read_facts(folder)
        written = os.path.getmtime(os.path.join(folder, "saved_model.pb"))
        rows.append(
            {
                "version": version,
                "written": datetime.datetime.fromtimestamp(written).isoformat(
                    " ", "minutes"
                ),
                "index": facts.get("index"),
                "num_embeddings": facts.get("num_embeddings"),
            }
        )
    if not rows:
        raise ValueError(f"{model} holds no version of a model")
    if as_json:
        print_json(rows)
    else:
        print_table(
            [tuple(rows[0])]
            + [tuple(map(_spelt, row.values())) for row in rows]
        )


@click.command()
@model_argument
@click.argument("version", type=int)
@json_option
def rollback(model: str, version: int, as_json: bool) -> None:
    """Publish an earlier VERSION again, as the newest."""
    from keras_dvml.serving.changed_versions import roll_back

    _tell("written", roll_back(base_dir_of(model), version), as_json)


@click.command()
@model_argument
@click.option(
    "--keep", required=True, type=click.IntRange(1), help="How many stay."
)
@json_option
def prune(model: str, keep: int, as_json: bool) -> None:
    """Delete all but the newest versions of a model."""
    from keras_dvml.serving.changed_versions import prune

    _tell("deleted", prune(base_dir_of(model), keep), as_json)


def _signature_names(folder):
    from keras_dvml.serving.custom_ops import read_saved_model

    graphs = read_saved_model(folder).meta_graphs
    names = {name for graph in graphs for name in graph.signature_def}
    return sorted(name for name in names if not name.startswith("__"))


def _tell(what, folders, as_json):
    if as_json:
        print_json({what: folders})
        return
    for folder in folders:
        click.echo(f"{folder}: {what}")


def _spelt(value):
    if isinstance(value, dict):
        return ", ".join(f"{name} {_spelt(value[name])}" for name in value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)
