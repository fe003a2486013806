"""Ingestion: images in, TFRecords with disjoint splits out."""

import json
import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils, standard_artifacts

from keras_dvml.data import check_image, encode_example
from pipelines.artifacts.types import Quarantine
from pipelines.configs.schema import IngestConfig
from pipelines.ingestion.beam_reading import (
    SPLITS,
    SourceImage,
    read_dataset,
    read_files,
)
from pipelines.ingestion.checks import (
    check_class_sizes,
    check_quarantine,
    check_split_sizes,
)
from pipelines.ingestion.listing import list_files

# TFX' own ExampleGen names its files like this.
_FILE_NAME = "data_tfrecord"


def ingest_parameters(ingest: IngestConfig) -> dict[str, str | float]:
    """Returns the parameters of `ImageExampleGen` that say what to read.

    Args:
        ingest: the source, and how to split it.
    """
    kind = "" if ingest.labelled else "unlabelled_"
    return {
        "dataset": ingest.dataset,
        f"{kind}folder": ingest.folder,
        f"{kind}manifest": ingest.manifest,
        "archives": ingest.archives,
        "split": ingest.split,
        "test_fraction": ingest.test_fraction or 0.0,
        "max_bad_fraction": ingest.max_bad_fraction,
    }


@component(use_beam=True)
def ImageExampleGen(  # noqa: N802
    examples: OutputArtifact[standard_artifacts.Examples],
    quarantine: OutputArtifact[Quarantine],
    dataset: Parameter[str] = "",
    folder: Parameter[str] = "",
    unlabelled_folder: Parameter[str] = "",
    manifest: Parameter[str] = "",
    unlabelled_manifest: Parameter[str] = "",
    archives: Parameter[str] = "",
    data_dir: Parameter[str] = "",
    split: Parameter[str] = "auto",
    test_fraction: Parameter[float] = 0.0,
    max_bad_fraction: Parameter[float] = 0.01,
    input_fingerprint: Parameter[str] = "",
    code_fingerprint: Parameter[str] = "",
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    """Writes images, bytes untouched, as GZIP TFRecords of tf.Examples.

    Splits `train` and `test` share no class, or, of images without labels and
    where `split` is `"ratio"`, no image. Files that are no images are set
    aside with a reason; too many of them fail the run.

    See `IngestConfig` for what the sources hold; one of them is given.

    Args:
        examples: what was read.
        quarantine: what was left out and why, and the sizes of the classes.
        dataset: TFDS builder name, or empty.
        folder: path of a folder with one sub-folder a class, or empty.
        unlabelled_folder: path of a folder of images in any order, or empty.
        manifest: path of a table of images with labels, or empty.
        unlabelled_manifest: path of a table of images, or empty.
        archives: folder of the archives of `dataset`, or empty.
        data_dir: where TFDS prepares its data sets.
        split: what is trained on and what is tested on.
        test_fraction: share to test on; 0 for the usual one.
        max_bad_fraction: share of bad files above which the run fails.
        input_fingerprint: changes when the input does; only the cache reads
            it.
        code_fingerprint: changes when the code does; only the cache reads it.
        beam_pipeline: set by TFX.
    """
    del input_fingerprint, code_fingerprint
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    ingest = IngestConfig(
        dataset=dataset,
        folder=folder or unlabelled_folder,
        manifest=manifest or unlabelled_manifest,
        archives=archives,
        labelled=not (unlabelled_folder or unlabelled_manifest),
        split=split,
        test_fraction=test_fraction or None,
        max_bad_fraction=max_bad_fraction,
    )
    with beam_pipeline as pipeline:
        if dataset:
            images = read_dataset(pipeline, ingest, data_dir)
        else:
            images = read_files(pipeline, list_files(ingest))
        _write(pipeline, images, examples, quarantine)

    examples_utils.set_payload_format(
        examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE
    )
    examples_utils.set_file_format(examples, "tfrecords_gzip")

    bad = _load_json(quarantine, "quarantine.json")
    sizes = _load_json(quarantine, "class_sizes.json")
    check_quarantine(bad, _num_images(sizes), max_bad_fraction)
    parts = _check_splits(ingest, sizes)
    examples.set_string_custom_property(
        "summary", f"{parts}, files quarantined: {len(bad)}"
    )


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
    bad, sizes = [], []
    for split, collection in images.items():
        checked = collection | f"Check_{split}" >> beam.FlatMap(
            _check
        ).with_outputs("bad", main="good")
        bad.append(checked.bad)
        sizes.append(
            checked.good
            | f"Key_{split}"
            >> beam.Map(
                # Images without labels are all of one class, which is "".
                lambda image, split=split: (split, image.label_name or "")
            )
        )
        uri = artifact_utils.get_split_uri([examples], split)
        _ = (
            checked.good
            | f"Encode_{split}" >> beam.Map(_encode)
            # Written where it is read: TFX' own step shuffles first, which
            # holds all images in memory. Here nobody reads in this order.
            | f"Write_{split}"
            >> beam.io.WriteToTFRecord(
                os.path.join(uri, _FILE_NAME), file_name_suffix=".gz"
            )
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


def _encode(image: SourceImage) -> bytes:
    return encode_example(
        image.image_bytes,
        image_id=image.image_id,
        label=image.label,
        label_name=image.label_name,
    ).SerializeToString()


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


def _load_json(artifact: Artifact, name: str) -> list | dict:
    with fileio.open(os.path.join(artifact.uri, name), "r") as stream:
        return json.loads(stream.read())
