"""Ingestion: images in, TFRecords with disjoint splits out."""

# The classes of protocol buffers are made as they are loaded.
# pyright: reportAttributeAccessIssue=false

import dataclasses
import json
import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.decorators import component
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts

from keras_dvml.data import encode_example, readable_image
from pipelines.artifacts.annotations import (
    SET_BY_TFX,
    BeamPipeline,
    OutputArtifact,
    Parameter,
)
from pipelines.artifacts.files import read_json, write_json
from pipelines.artifacts.types import (
    CHANGES_FILE,
    QUARANTINE_FILE,
    Quarantine,
)
from pipelines.configs.schema import IngestConfig
from pipelines.ingestion.beam_reading import (
    SPLITS,
    SourceImage,
    read_dataset,
    read_files,
)
from pipelines.ingestion.changes import (
    CHANGES,
    changes_in_words,
    changes_with_names,
    count_changes,
)
from pipelines.ingestion.checks import (
    check_class_sizes,
    check_quarantine,
    check_split_sizes,
)
from pipelines.ingestion.listing import list_files

# TFX' own ExampleGen names its files like this.
_FILE_NAME = "data_tfrecord"
_SIZES_FILE = "class_sizes.json"
_SHAPES_FILE = "shapes.json"


@component(use_beam=True)
def ImageExampleGen(  # noqa: N802
    examples: OutputArtifact[standard_artifacts.Examples],
    quarantine: OutputArtifact[Quarantine],
    ingest: Parameter[str],
    data_dir: Parameter[str] = "",
    input_fingerprint: Parameter[str] = "",
    code_fingerprint: Parameter[str] = "",
    beam_pipeline: BeamPipeline = SET_BY_TFX,
) -> None:
    """Writes images as GZIP TFRecords of tf.Examples.

    Bytes stay as they are, but of files that TensorFlow cannot decode, which
    are converted. Splits `train` and `test` share no class, or, of images
    without labels and where `split` is `"ratio"`, no image. Files that are no
    images are set aside with a reason; too many of them fail the run.

    Args:
        examples: what was read.
        quarantine: what was left out and why, and the sizes of the classes.
        ingest: fields of an `IngestConfig`, as JSON: the source, and how to
            split it.
        data_dir: where TFDS prepares its data sets.
        input_fingerprint: changes when the input does; only the cache reads
            it.
        code_fingerprint: changes when the code does; only the cache reads it.
        beam_pipeline: set by TFX.
    """
    del input_fingerprint, code_fingerprint
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    config = IngestConfig(**json.loads(ingest))
    with beam_pipeline as pipeline:
        if config.dataset:
            images = read_dataset(pipeline, config, data_dir)
        else:
            images = read_files(pipeline, list_files(config))
        _write(pipeline, images, examples, quarantine)

    payload_format = example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE
    examples_utils.set_payload_format(examples, payload_format)
    examples_utils.set_file_format(examples, "tfrecords_gzip")

    bad = read_json(quarantine.uri, QUARANTINE_FILE)
    sizes = read_json(quarantine.uri, _SIZES_FILE)
    check_quarantine(bad, _num_images(sizes), config.max_bad_fraction)
    parts = _check_splits(config, sizes)
    changed = read_json(quarantine.uri, CHANGES_FILE)
    not_square = read_json(quarantine.uri, _SHAPES_FILE)["not_square"]
    counts = count_changes(changed, not_square)
    examples.set_string_custom_property(
        CHANGES, changes_with_names(counts, changed)
    )
    summary = ", ".join(
        filter(
            None,
            [
                parts,
                f"files quarantined: {len(bad)}",
                changes_in_words(counts),
            ],
        )
    )
    examples.set_string_custom_property("summary", summary)


def _check_splits(ingest: IngestConfig, sizes: dict) -> str:
    """Returns what was read, in words."""
    num_images = _num_images(sizes)
    if not ingest.labelled:
        check_split_sizes(sizes)
        return (
            f"{num_images:,} images without labels, "
            f"{sum(sizes['test'].values()):,} of them held out"
        )
    may_share = ingest.split == "ratio"
    check_class_sizes(sizes, may_share=may_share)
    other = "" if may_share else "others "
    return (
        f"{num_images:,} images, {len(sizes['train'])} classes to train on "
        f"and {len(sizes['test'])} {other}to test on"
    )


def _write(
    pipeline: beam.Pipeline,
    images: dict[str, beam.PCollection],
    examples: standard_artifacts.Examples,
    quarantine: Quarantine,
) -> None:
    bad, good, sizes = [], [], []
    for split, collection in images.items():
        check = beam.FlatMap(_check).with_outputs("bad", main="good")
        checked = collection | f"Check_{split}" >> check
        bad.append(checked.bad)
        good.append(checked.good)
        sizes.append(checked.good | f"Key_{split}" >> beam.Map(_key, split))
        uri = artifact_utils.get_split_uri([examples], split)
        path = os.path.join(uri, _FILE_NAME)
        _ = (
            checked.good
            | f"Encode_{split}" >> beam.Map(_encode)
            # Written where it is read: TFX' own step shuffles first, which
            # holds all images in memory. Here nobody reads in this order.
            | f"Write_{split}"
            >> beam.io.WriteToTFRecord(path, file_name_suffix=".gz")
        )
    _ = (
        bad
        | "AllBad" >> beam.Flatten()
        | "ListBad" >> beam.combiners.ToList()
        | "SaveBad" >> beam.Map(_save_rows, quarantine.uri, QUARANTINE_FILE)
    )
    _ = (
        sizes
        | "AllSizes" >> beam.Flatten()
        | "CountSizes" >> beam.combiners.Count.PerElement()
        | "ListSizes" >> beam.combiners.ToList()
        | "SaveSizes" >> beam.Map(_save_sizes, quarantine.uri)
    )
    images = good | "AllGood" >> beam.Flatten()
    _ = (
        images
        | "Changed" >> beam.Filter(lambda image: bool(image.changes))
        | "Changes" >> beam.Map(_changes)
        | "ListChanges" >> beam.combiners.ToList()
        | "SaveChanges" >> beam.Map(_save_rows, quarantine.uri, CHANGES_FILE)
    )
    _ = (
        images
        | "NotSquare" >> beam.Filter(lambda image: not image.is_square)
        | "CountNotSquare" >> beam.combiners.Count.Globally()
        | "SaveNotSquare" >> beam.Map(_save_shapes, quarantine.uri)
    )


def _check(image: SourceImage) -> Iterator[Any]:
    # `Any`: Beam would take the tagged rows for elements of the main output.
    reason = image.failure
    if not reason:
        try:
            readable = readable_image(image.image_bytes)
            image = dataclasses.replace(image, **readable._asdict())
        except ValueError as error:
            reason = str(error)
    if reason:
        row = {"path": image.image_id, "reason": reason}
        yield beam.pvalue.TaggedOutput("bad", row)
    else:
        yield image


def _encode(image: SourceImage) -> bytes:
    return encode_example(
        image.image_bytes,
        image_id=image.image_id,
        label=image.label,
        label_name=image.label_name,
    ).SerializeToString()


def _key(image: SourceImage, split: str) -> tuple[str, str]:
    # Images without labels are all of one class, which is "".
    return split, image.label_name or ""


def _changes(image: SourceImage) -> dict[str, Any]:
    return {"path": image.image_id, "changes": list(image.changes)}


def _save_rows(rows: list[dict[str, Any]], uri: str, name: str) -> None:
    write_json(uri, name, sorted(rows, key=lambda row: row["path"]))


def _save_shapes(num_not_square: int, uri: str) -> None:
    write_json(uri, _SHAPES_FILE, {"not_square": num_not_square})


def _save_sizes(rows: list[tuple[tuple[str, str], int]], uri: str) -> None:
    sizes = {split: {} for split in SPLITS}
    for (split, name), count in sorted(rows):
        sizes[split][name] = count
    write_json(uri, _SIZES_FILE, sizes)


def _num_images(sizes: dict[str, dict[str, int]]) -> int:
    return sum(sum(classes.values()) for classes in sizes.values())
