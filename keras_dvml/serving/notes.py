"""What lies beside a model's versions for the person who serves them."""

import json
import os
import shlex
import textwrap
import urllib.parse
from collections.abc import Sequence
from importlib import resources

import tensorflow as tf

from keras_dvml.whole_files import full_path, whole_file

#: A server takes only folders with a number for a name as versions.
CONFIG_FILE = "models.config"
README_FILE = "README.md"

_STOCK = """\
It is made of TensorFlow's own operations: any TensorFlow Serving of release
{release} or later loads it."""
_CUSTOM = """\
It needs a TensorFlow Serving of release {release} built with operations that
the stock one lacks: {ops}."""


def write_notes(
    base_dir: str | os.PathLike, ops: Sequence[str] = (), remark: str = ""
) -> None:
    """Writes a model configuration and a README beside a model's versions.

    Args:
        base_dir: The folder of the versions.
        ops: The custom operations that a server must have.
        remark: What else is to be known of the newest version.
    """
    base_dir = full_path(base_dir)
    name = os.path.basename(base_dir)
    base_path = f"/models/{name}"
    config = _template("models.config.txt").format(
        name=json.dumps(name, ensure_ascii=False),
        base_path=json.dumps(base_path, ensure_ascii=False),
    )
    release = ".".join(tf.__version__.split(".")[:2])
    readme = _template("model_readme.md").format(
        name=name,
        url_name=urllib.parse.quote(name),
        mount=shlex.quote(base_path),
        config_file=CONFIG_FILE,
        image="IMAGE_WITH_THESE_OPERATIONS" if ops else "tensorflow/serving",
        needs=(_CUSTOM if ops else _STOCK).format(
            release=release, ops=", ".join(f"`{op}`" for op in ops)
        ),
        remark=_paragraph(f"The newest version: {remark}") if remark else "",
    )
    for file_name, text in ((CONFIG_FILE, config), (README_FILE, readme)):
        with whole_file(os.path.join(base_dir, file_name)) as file:
            file.write(text.encode())


def _paragraph(text: str) -> str:
    return "\n" + textwrap.fill(text, 80) + "\n"


def _template(name: str) -> str:
    path = resources.files("keras_dvml.serving").joinpath(name)
    return path.read_text(encoding="utf-8")
