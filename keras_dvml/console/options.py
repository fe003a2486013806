"""Arguments that several commands take."""

import json
import os
from typing import Any

import click

model_argument = click.argument(
    "model", type=click.Path(exists=True, file_okay=False)
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for scripts."
)


def base_dir_of(model: str) -> str:
    """Returns the folder of a model's versions, of the exact flavour.

    Args:
        model: As given; of either flavour.

    Raises:
        click.UsageError: If it is a version.
    """
    if os.path.exists(os.path.join(model, "saved_model.pb")):
        raise click.UsageError(
            "MODEL must be the folder of the versions; received the version "
            f"{model}."
        )
    return os.path.abspath(model).removesuffix("-scann")


def print_json(content: Any) -> None:
    """Prints what a script reads."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Prints rows whose columns are aligned, the last one as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())
