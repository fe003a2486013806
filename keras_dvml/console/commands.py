"""All commands under one name, and what becomes of their errors."""

from typing import Any

import click

from keras_dvml import __version__
from keras_dvml.console.change import add, remove
from keras_dvml.console.embed import embed
from keras_dvml.console.evaluate import evaluate
from keras_dvml.console.search import search
from keras_dvml.console.serve import serve
from keras_dvml.console.versions import info, prune, rollback, versions


class Commands(click.Group):
    """A group whose errors are a sentence, not a stack of calls."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        # In the order in which they are needed.
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, OSError, ImportError) as error:
            raise click.ClickException(str(error)) from error


# After `\b` click keeps the ends of lines.
_HELP = """Search with your own pictures, and look after published models.

MODEL is the folder of a published model, such as saved_models/birds, whose
newest version is taken, or one version of it, saved_models/birds/3.

\b
  keras-dvml search saved_models/birds my_picture.jpg
  keras-dvml serve saved_models
  keras-dvml add saved_models/birds more_pictures/
  keras-dvml info saved_models/birds
"""


@click.group(
    cls=Commands, help=_HELP, context_settings={"max_content_width": 80}
)
@click.version_option(__version__, package_name="keras_dvml")
def commands() -> None:
    """Holds the commands."""


for command in (
    *(search, serve, embed, evaluate, info, versions),
    *(add, remove, rollback, prune),
):
    commands.add_command(command)
