"""`keras-dvml evaluate`."""

import os

import click
import numpy as np

from keras_dvml.console.embedding import embedded, tell_bad
from keras_dvml.console.images import images_below
from keras_dvml.console.options import (
    json_option,
    model_argument,
    print_json,
    print_table,
)

_folder = click.Path(exists=True, file_okay=False)


@click.command()
@model_argument
@click.argument("folder", required=False, type=_folder)
@click.option("--queries", type=_folder, help="Pictures to search with.")
@click.option("--gallery", type=_folder, help="Pictures to search in.")
@json_option
def evaluate(
    model: str,
    folder: str | None,
    queries: str | None,
    gallery: str | None,
    as_json: bool,
) -> None:
    """Score how well a model finds pictures of the same class.

    FOLDER has a sub-folder a class; each picture is searched for among all
    others. With --queries and --gallery, two such folders, the ones are
    searched for among the others. Intervals are of 95%, over the classes.
    """
    if bool(folder) == bool(queries and gallery):
        raise click.UsageError("Give FOLDER, or both --queries and --gallery.")
    from keras_dvml.evaluation import bootstrap_intervals, evaluate_retrieval
    from keras_dvml.serving import load

    published = load(model)
    embeddings, labels = _labelled(published, folder or gallery)
    pairs = _labelled(published, queries) if queries else None
    most = len(labels) - (pairs is None)
    scores = evaluate_retrieval(
        embeddings,
        labels,
        ks=[k for k in (1, 2, 4, 8) if k <= most],
        queries=pairs,
        clustering=False,
    )
    intervals = bootstrap_intervals(scores)
    if as_json:
        print_json(
            {
                name: {"score": score, "interval": list(intervals[name])}
                for name, score in scores.items()
            }
        )
        return
    print_table(
        [
            (
                name,
                f"{score:.1%}",
                f"{intervals[name].low:.1%} to {intervals[name].high:.1%}",
            )
            for name, score in scores.items()
        ]
    )
    if scores.num_left_out:
        click.echo(
            f"{scores.num_left_out} pictures have no other of their class"
        )


def _labelled(published, folder):
    """Returns embeddings, and classes by the names of sub-folders."""
    parts, labels, bad = [], [], []
    for batch in embedded(published, images_below(folder)):
        parts.append(batch.embeddings)
        bad += batch.bad
        for name in batch.names:
            inside = os.path.relpath(name, folder)
            if os.sep not in inside:
                raise ValueError(
                    f"{folder} must have a sub-folder a class; received {name} "
                    "outside of any"
                )
            labels.append(inside.split(os.sep)[0])
    tell_bad(bad)
    if not labels:
        raise ValueError(f"{folder} holds no pictures that can be read")
    return np.concatenate(parts), np.array(labels)
