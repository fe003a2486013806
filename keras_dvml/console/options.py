"""Arguments that several commands take."""

import json
from typing import Any

import click

model_argument = click.argument(
    "model", type=click.Path(exists=True, file_okay=False)
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for scripts."
)


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
