"""`keras-dvml embed`."""

import click

from keras_dvml.console.embedding import embedded, tell_bad
from keras_dvml.console.images import image_names
from keras_dvml.console.options import json_option, model_argument, print_json
from keras_dvml.console.vectors_file import vectors_file


@click.command()
@model_argument
@click.argument("images", nargs=-1, required=True, metavar="FOLDER...")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False),
    help="The file: .parquet, or .npy with the ids in .ids.txt beside it.",
)
@json_option
def embed(
    model: str, images: tuple[str, ...], output: str, as_json: bool
) -> None:
    """Write the embeddings of pictures to a file.

    FOLDER is a folder, or a file, of pictures. Ids are the paths as given.
    Pictures that cannot be read are named and left out.
    """
    names = image_names(images)
    bad, num_embedded = [], 0
    with vectors_file(output) as file:
        from keras_dvml.serving import load

        published = load(model)
        for batch in embedded(published, names):
            file.write(batch.names, batch.embeddings)
            num_embedded += len(batch.names)
            bad += batch.bad
        tell_bad(bad)
        if not num_embedded:
            raise ValueError("none of the pictures could be read")
    facts = {"output": output, "embedded": num_embedded, "left_out": len(bad)}
    if as_json:
        print_json(facts)
    else:
        click.echo(
            f"{output}: {num_embedded:,} embeddings, {len(bad):,} left out"
        )
