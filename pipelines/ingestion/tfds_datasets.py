"""A TFDS builder with labelled images and class-disjoint splits."""

import contextlib
import importlib
import importlib.util
import io
import pathlib

import tensorflow_datasets as tfds


def prepare_dataset(name: str, data_dir: str, archives: str = "") -> str:
    """Makes a data set ready to be read; does nothing when it is.

    Args:
        name: builder name, with its config after a slash: `"glyphs/default"`.
            Builders of `keras_dvml.data.datasets` come before TFDS' own.
        data_dir: folder that prepared data sets live in.
        archives: folder of the archives that a data set is made of, where
            they are not to be downloaded.

    Returns:
        The folder of the prepared data set. TFDS renames a finished one into
        place, so what is found there is complete.
    """
    if archives and not pathlib.Path(archives).is_dir():
        raise ValueError(
            "`archives` must be an existing folder; received archives="
            f"{archives!r}"
        )
    module = f"keras_dvml.data.datasets.{name.split('/')[0]}"
    if importlib.util.find_spec(module):
        # Importing the module is what makes TFDS know the builder.
        importlib.import_module(module)
    builder = tfds.builder(name, data_dir=data_dir)
    config = tfds.download.DownloadConfig(manual_dir=archives or None)
    # TFDS prints and draws bars, whether or not anybody looks.
    tfds.disable_progress_bar()
    with contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare(download_config=config)
    return str(builder.data_dir)
