"""Ingestion: images with labels in, TFRecords with disjoint classes out."""

import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import absl.logging
import apache_beam as beam
import tensorflow as tf
from tfx import v1 as tfx
from tfx.components.example_gen import write_split
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts

from keras_dvml.data import check_image, encode_example
from pipelines.artifacts import Quarantine
from pipelines.components.image_sources import (
    SPLITS,
    SourceImage,
    read_dataset,
    read_folder,
)

_NUM_SHOWN = 5

logger = logging.getLogger(__name__)


@component(use_beam=True)
def ImageExampleGen(  # noqa: N802
    examples: OutputArtifact[standard_artifacts.Examples],
    quarantine: OutputArtifact[Quarantine],
    dataset: Parameter[str] = "",
    folder: Parameter[str] = "",
    data_dir: Parameter[str] = "",
    max_bad_fraction: Parameter[float] = 0.01,
    input_fingerprint: Parameter[str] = "",
    code_fingerprint: Parameter[str] = "",
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    """Writes images, bytes untouched, as GZIP TFRecords of tf.Examples.

    Splits `train` and `test` share no class. Files that are no images are
    set aside with a reason; too many of them fail the run.

    Args:
        examples: what was read.
        quarantine: what was left out and why, and the sizes of the classes.
        dataset: TFDS builder name, or empty.
        folder: path of a folder with one sub-folder a class, or empty.
        data_dir: where TFDS prepares its data sets.
        max_bad_fraction: share of bad files above which the run fails.
        input_fingerprint: changes when the input does; only the cache reads
            it.
        code_fingerprint: changes when the code does; only the cache reads it.
        beam_pipeline: set by TFX.
    """
    del input_fingerprint, code_fingerprint
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    with beam_pipeline as pipeline:
        if folder:
            images = read_folder(pipeline, folder)
        else:
            images = read_dataset(pipeline, dataset, data_dir)
        _write(pipeline, images, examples, quarantine)

    examples_utils.set_payload_format(
        examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE
    )
    examples_utils.set_file_format(examples, "tfrecords_gzip")

    bad = _load_json(quarantine, "quarantine.json")
    sizes = _load_json(quarantine, "class_sizes.json")
    check_quarantine(bad, _num_images(sizes), max_bad_fraction)
    check_class_sizes(sizes)
    examples.set_string_custom_property(
        "summary",
        f"{_num_images(sizes):,} images, {len(sizes['train'])} classes to "
        f"train on and {len(sizes['test'])} others to test on, "
        f"files quarantined: {len(bad)}",
    )


def check_quarantine(
    bad: list[dict[str, str]], num_images: int, max_bad_fraction: float
) -> None:
    """Warns of bad files, and refuses to go on when there are too many.

    Args:
        bad: what was quarantined: dicts with `path` and `reason`.
        num_images: files that are images.
        max_bad_fraction: in [0, 1].
    """
    if not bad:
        return
    lines = [f"{file['path']}: {file['reason']}" for file in bad]
    for line in lines:
        # All go to the run's log, where TFX's own lines go.
        absl.logging.info("Quarantined %s", line)
    shown = lines[:_NUM_SHOWN]
    num_files = len(bad) + num_images
    fraction = len(bad) / num_files
    if fraction > max_bad_fraction:
        raise ValueError(
            f"{len(bad)} of {num_files} files are bad ({fraction:.1%}); "
            f"`max_bad_fraction` allows {max_bad_fraction:.1%}. "
            f"The first of them: {'; '.join(shown)}"
        )
    for line in shown:
        logger.warning("Quarantined %s", line)
    logger.warning("Quarantined %d of %d files.", len(bad), num_files)


def check_class_sizes(sizes: dict[str, dict[str, int]]) -> None:
    """Refuses classes that cannot be learned, or that are in both splits.

    Args:
        sizes: split name to class name to number of images.
    """
    for split in SPLITS:
        if len(sizes[split]) < 2:
            raise ValueError(
                f"Split `{split}` must hold at least 2 classes with images. "
                f"Received: {sorted(sizes[split])}"
            )
    shared = sorted(set(sizes["train"]) & set(sizes["test"]))
    if shared:
        raise ValueError(
            "Classes of `train` and `test` must not overlap, or the scores "
            f"would not be those of unseen classes. {len(shared)} are in "
            f"both, among them {shared[:_NUM_SHOWN]}"
        )
    lonely = sorted(name for name, n in sizes["train"].items() if n < 2)
    if lonely:
        raise ValueError(
            "Every class to train on needs at least 2 images. "
            f"{len(lonely)} have only one, among them {lonely[:_NUM_SHOWN]}"
        )
    lonely = sorted(name for name, n in sizes["test"].items() if n < 2)
    if len(lonely) == len(sizes["test"]):
        raise ValueError(
            "At least one class to test on needs 2 images or more. "
            f"All {len(lonely)} have only one: {lonely[:_NUM_SHOWN]}"
        )
    if lonely:
        logger.warning(
            "%d classes to test on have one image only, which no other can "
            "be found for; they are left out of the scores: %s",
            len(lonely),
            ", ".join(lonely[:_NUM_SHOWN]),
        )


def _write(
    pipeline: beam.Pipeline,
    images: dict[str, beam.PCollection],
    examples: standard_artifacts.Examples,
    quarantine: Quarantine,
) -> None:
    bad, sizes = [], []
    for split, collection in images.items():
        checked = collection | f"Check_{split}" >> beam.FlatMap(
            _check
        ).with_outputs("bad", main="good")
        bad.append(checked.bad)
        sizes.append(
            checked.good
            | f"Key_{split}"
            >> beam.Map(lambda image, split=split: (split, image.label_name))
        )
        uri = artifact_utils.get_split_uri([examples], split)
        _ = (
            checked.good
            | f"Encode_{split}" >> beam.Map(_encode)
            | f"Write_{split}" >> write_split.WriteSplit(uri, "")
        )
    _ = (
        bad
        | "AllBad" >> beam.Flatten()
        | "ListBad" >> beam.combiners.ToList()
        | "SaveBad"
        >> beam.Map(
            lambda rows, uri: _save_json(
                uri, "quarantine.json", sorted(rows, key=lambda r: r["path"])
            ),
            uri=quarantine.uri,
        )
    )
    _ = (
        sizes
        | "AllSizes" >> beam.Flatten()
        | "CountSizes" >> beam.combiners.Count.PerElement()
        | "ListSizes" >> beam.combiners.ToList()
        | "SaveSizes"
        >> beam.Map(
            lambda rows, uri: _save_json(uri, "class_sizes.json", _nest(rows)),
            uri=quarantine.uri,
        )
    )


def _check(image: SourceImage) -> Iterator[Any]:
    # `Any`: Beam would take the tagged rows for elements of the main output.
    reason = image.failure
    if not reason:
        try:
            check_image(image.image_bytes)
        except ValueError as error:
            reason = str(error)
    if reason:
        row = {"path": image.image_id, "reason": reason}
        yield beam.pvalue.TaggedOutput("bad", row)
    else:
        yield image


def _encode(image: SourceImage) -> tf.train.Example:
    return encode_example(
        image.image_bytes,
        image_id=image.image_id,
        label=image.label,
        label_name=image.label_name,
    )


def _nest(rows: list[tuple[tuple[str, str], int]]) -> dict:
    sizes = {split: {} for split in SPLITS}
    for (split, name), count in sorted(rows):
        sizes[split][name] = count
    return sizes


def _num_images(sizes: dict[str, dict[str, int]]) -> int:
    return sum(sum(classes.values()) for classes in sizes.values())


def _save_json(uri: str, name: str, value: list | dict) -> None:
    with fileio.open(os.path.join(uri, name), "w") as stream:
        stream.write(json.dumps(value, indent=1))


def _load_json(artifact: tfx.dsl.Artifact, name: str) -> list | dict:
    with fileio.open(os.path.join(artifact.uri, name), "r") as stream:
        return json.loads(stream.read())
