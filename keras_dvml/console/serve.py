"""`keras-dvml serve`."""

import dataclasses
import json
import logging

import click

from keras_dvml.extras import import_of


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; 0.0.0.0 lets other machines in.",
)
@click.option(
    "--port",
    default=8501,
    show_default=True,
    help="Of REST and the page; 0 for a free one.",
)
@click.option(
    "--grpc-port",
    default=8500,
    show_default=True,
    help="Of gRPC; 0 for a free one, -1 for none.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False),
    help="Where the gallery's pictures are; ids are paths from there.",
)
@click.option(
    "--token",
    envvar="KERAS_DVML_TOKEN",
    help="Answer only requests that have it as bearer token.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="Whose pages may send requests; may be repeated.",
)
@click.option(
    "--tls-key", type=click.Path(exists=True, dir_okay=False), help="PEM file."
)
@click.option(
    "--tls-certificate",
    type=click.Path(exists=True, dir_okay=False),
    help="PEM file.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print where it listens as JSON."
)
def serve(
    models: tuple[str, ...],
    host: str,
    port: int,
    grpc_port: int,
    images: str | None,
    token: str | None,
    origins: tuple[str, ...],
    tls_key: str | None,
    tls_certificate: str | None,
    as_json: bool,
) -> None:
    """Serve models to other programs, and a page to search on.

    MODEL is the folder of a published model, or a folder of such folders, such
    as saved_models. REST and gRPC are those of TensorFlow Serving: move there
    when one machine is not enough, and the same clients go on working. A newer
    version is taken up without losing a request.
    """
    if bool(tls_key) != bool(tls_certificate):
        raise click.UsageError("Give both --tls-key and --tls-certificate.")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("keras_dvml").setLevel(logging.INFO)
    with import_of("serve", "Serving needs starlette, uvicorn and others"):
        from keras_dvml.server import serve

    def tell(ready):
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(ready)))
            return
        click.echo(f"Page and REST at {ready.url}")
        if ready.grpc_address:
            click.echo(f"gRPC at {ready.grpc_address}")
        click.echo(f"Models: {', '.join(ready.models)}. Ctrl+C ends it.")

    serve(
        models,
        host=host,
        port=port,
        grpc_port=None if grpc_port < 0 else grpc_port,
        token=token,
        origins=origins,
        images=images,
        tls=(tls_key, tls_certificate) if tls_key and tls_certificate else None,
        on_ready=tell,
    )
