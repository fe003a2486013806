"""Images of files or of a TFDS builder, as Beam collections by split."""

import dataclasses
import os
import pathlib
import stat
from typing import Any

import apache_beam as beam
import tensorflow_datasets as tfds

from keras_dvml.class_split import held_out_classes
from pipelines.configs.schema import IngestConfig
from pipelines.ingestion.image_file import ImageFile
from pipelines.ingestion.splits import is_held_out, share_to_test
from pipelines.ingestion.tfds_datasets import prepare_dataset

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
    """Reads files.

    Args:
        pipeline: to read in.
        files: as `pipelines.ingestion.listing` lists them.

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
    pipeline: beam.Pipeline, ingest: IngestConfig, data_dir: str
) -> dict[str, beam.PCollection]:
    """Reads a TFDS builder with features `image` and `label`.

    A feature `id` names the images where there is one, their place in the
    prepared data set where not; a feature `label_name` the classes, the
    names of the labels where there is none.

    Args:
        pipeline: to read in.
        ingest: names the data set, and says how to split it.
        data_dir: folder that prepared data sets live in.

    Returns:
        Split name to collection of `SourceImage`.
    """
    builder = tfds.builder_from_directory(
        # Workers read what was prepared; the builder's code stays here.
        prepare_dataset(ingest.dataset, data_dir, ingest.archives)
    )
    features: Any = builder.info.features
    splits = builder.info.splits
    given = ingest.split in ("auto", "given")
    missing = [name for name in SPLITS if name not in splits]
    if given and missing:
        raise ValueError(
            f"`dataset` must have the splits {SPLITS}, or be split anew with "
            f"split='classes'; received dataset={ingest.dataset!r} with "
            f"{sorted(splits)}"
        )
    missing = [name for name in ("image", "label") if name not in features]
    if missing:
        raise ValueError(
            "`dataset` must have the features image and label; received "
            f"dataset={ingest.dataset!r} with {sorted(features)}"
        )
    names = features["label"].names

    def read(split: str) -> beam.PCollection:
        return (
            pipeline
            | f"Load[{split}]"
            >> tfds.beam.ReadFromTFDS(
                builder,
                split=split,
                # The encoded bytes as they are stored.
                decoders={"image": tfds.decode.SkipDecoding()},
                read_config=tfds.ReadConfig(add_tfds_id=True),
            )
            | f"Convert[{split}]" >> beam.Map(_from_tfds, names=names)
        )

    if given:
        return {split: read(split) for split in SPLITS}
    share = share_to_test(ingest.test_fraction, labelled=True)
    held_out = None
    if ingest.split == "classes":
        drawn = held_out_classes(names, share, ingest.split_seed)
        held_out = {label for label, name in enumerate(names) if name in drawn}
    train, test = (
        [read(split) for split in sorted(splits)]
        | "AllSplits" >> beam.Flatten()
        | "Split"
        >> beam.Partition(
            _part_of_split,  # pyright: ignore[reportArgumentType]
            len(SPLITS),
            held_out=held_out,
            share=share,
            seed=ingest.split_seed,
        )
    )
    return {"train": train, "test": test}


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
    image_id = features.get("id", features["tfds_id"]).decode()
    name = features.get("label_name", b"").decode() or names[label]
    return SourceImage(image_id, features["image"], label, name)


def _part_of_split(
    image: SourceImage,
    num_parts: int,
    *,
    held_out: set[int] | None,
    share: float,
    seed: int,
) -> int:
    """Returns 1 for an image to test on, 0 for one to train on."""
    del num_parts  # Beam tells; there are two.
    if held_out is not None:
        return int(image.label in held_out)
    return int(is_held_out(image.image_id, share, seed))
