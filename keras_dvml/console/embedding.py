"""Pictures through the model that a command was given."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import click
import numpy as np

from keras_dvml.console.images import read_batches

if TYPE_CHECKING:
    from keras_dvml.serving import Published


class Embedded(NamedTuple):
    """Some pictures.

    Attributes:
        names: Of those that could be read, as they were given.
        embeddings: `(N, dim)` float32 array.
        bad: Name and reason of each that could not.
    """

    names: list[str]
    embeddings: np.ndarray
    bad: list[tuple[str, str]]


def embedded(
    published: "Published", names: Iterable[str], size: int = 64
) -> Iterator[Embedded]:
    """Yields pictures and what the model makes of them.

    Args:
        published: The model.
        names: Files or addresses.
        size: How many are held at once.
    """
    for files, contents, unread in read_batches(names, size):
        embeddings, undecoded = published.embed(contents)
        reasons = [
            first or second
            for first, second in zip(unread, undecoded, strict=True)
        ]
        good = [row for row, reason in enumerate(reasons) if not reason]
        yield Embedded(
            [files[row] for row in good],
            embeddings[good],
            [
                (file, reason)
                for file, reason in zip(files, reasons, strict=True)
                if reason
            ],
        )


def tell_bad(bad: list[tuple[str, str]]) -> None:
    """Names on standard error what could not be read, and why."""
    for name, reason in bad:
        click.echo(f"{name}: {reason}", err=True)
