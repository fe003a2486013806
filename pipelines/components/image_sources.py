"""Images of a folder or a TFDS builder, as Beam collections by split."""

import dataclasses
import os
import pathlib
import stat

import apache_beam as beam
import tensorflow_datasets as tfds

from pipelines.sources.datasets import prepare_dataset
from pipelines.sources.folder import ImageFile

SPLITS = ("train", "test")
# A film in the folder must not be read into memory to learn what it is.
_MAX_BYTES = 256 * 2**20


@dataclasses.dataclass(frozen=True)
class SourceImage:
    """A file that may be an image.

    Attributes:
        image_id: unique and stable over runs.
        image_bytes: the file as it is.
        label: number of its class, or `None`.
        label_name: name of its class, or `None`.
        failure: why it could not be read; empty when it could.
    """

    image_id: str
    image_bytes: bytes
    label: int | None
    label_name: str | None
    failure: str = ""


def read_files(
    pipeline: beam.Pipeline, files: list[ImageFile]
) -> dict[str, beam.PCollection]:
    """Reads the files of a folder.

    Args:
        pipeline: to read in.
        files: as `pipelines.sources.folder` lists them.

    Returns:
        Split name to collection of `SourceImage`.
    """
    return {
        split: (
            pipeline
            | f"List[{split}]"
            >> beam.Create([file for file in files if file.split == split])
            | f"Spread[{split}]" >> beam.Reshuffle()
            | f"Read[{split}]" >> beam.Map(_read_file)
        )
        for split in SPLITS
    }


def read_dataset(
    pipeline: beam.Pipeline, dataset: str, data_dir: str
) -> dict[str, beam.PCollection]:
    """Reads a TFDS builder with features `image`, `label` and `id`.

    Args:
        pipeline: to read in.
        dataset: builder name such as `"glyphs/default"`.
        data_dir: folder that prepared data sets live in.

    Returns:
        Split name to collection of `SourceImage`.
    """
    builder = tfds.builder_from_directory(
        # Workers read what was prepared; the builder's code stays here.
        prepare_dataset(dataset, data_dir)
    )
    missing = [split for split in SPLITS if split not in builder.info.splits]
    if missing:
        raise ValueError(
            f"`dataset` must have the splits {SPLITS}. Received: "
            f"dataset={dataset!r} with {sorted(builder.info.splits)}"
        )
    names = builder.info.features["label"].names
    return {
        split: (
            pipeline
            | f"Load[{split}]"
            >> tfds.beam.ReadFromTFDS(
                builder,
                split=split,
                # The encoded bytes as they are stored.
                decoders={"image": tfds.decode.SkipDecoding()},
            )
            | f"Convert[{split}]" >> beam.Map(_from_tfds, names=names)
        )
        for split in SPLITS
    }


def _read_file(file: ImageFile) -> SourceImage:
    image_bytes, failure = b"", ""
    try:
        status = os.stat(file.path)
        if not stat.S_ISREG(status.st_mode):
            failure = "not a regular file"
        elif status.st_size > _MAX_BYTES:
            failure = f"{status.st_size:,} bytes; at most {_MAX_BYTES:,}"
        else:
            image_bytes = pathlib.Path(file.path).read_bytes()
    except OSError as error:
        failure = f"cannot be read: {error.strerror}"
    if not _is_unicode(file.image_id):
        failure = "its name is not UTF-8"
    return SourceImage(
        _printable(file.image_id),
        image_bytes,
        file.label,
        file.label_name and _printable(file.label_name),
        failure,
    )


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _is_unicode(name: str) -> bool:
    # Python marks what the file system's encoding cannot read by surrogates.
    return not any(0xD800 <= ord(letter) <= 0xDFFF for letter in name)


def _from_tfds(features: dict, names: list[str]) -> SourceImage:
    features = tfds.as_numpy(features)
    label = int(features["label"])
    image_id = features["id"].decode()
    return SourceImage(image_id, features["image"], label, names[label])
