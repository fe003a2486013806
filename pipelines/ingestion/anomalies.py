"""What TFX's ExampleValidator found, in words."""

import os
from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts

_FILE = "SchemaDiff.pb"
NO_ANOMALIES = "no anomalies"


def describe_anomalies(anomalies: standard_artifacts.ExampleAnomalies) -> str:
    """Lists the anomalies of all splits in a line.

    Args:
        anomalies: output of ExampleValidator.

    Returns:
        `"no anomalies"`, or such as `"1 anomaly: test: feature 'label': Column
        dropped"`.
    """
    found = [
        f"{split}: {words}"
        for split in artifact_utils.decode_split_names(anomalies.split_names)
        for words in _of_split(artifact_utils.get_split_uri([anomalies], split))
    ]
    if not found:
        return NO_ANOMALIES
    noun = "anomaly" if len(found) == 1 else "anomalies"
    return f"{len(found)} {noun}: {'; '.join(found)}"


def _of_split(uri: str) -> Iterator[str]:
    with fileio.open(os.path.join(uri, _FILE), "rb") as stream:
        found = anomalies_pb2.Anomalies.FromString(stream.read())
    if found.data_missing:
        yield "no examples"
    for reason in found.dataset_anomaly_info.reason:
        yield f"all examples: {_words(reason)}"
    for name, info in sorted(found.anomaly_info.items()):
        for reason in info.reason:
            yield f"feature {name!r}: {_words(reason)}"


def _words(reason: anomalies_pb2.AnomalyInfo.Reason) -> str:
    # The short ones are titles, such as "Column dropped".
    words = [reason.short_description, reason.description]
    return " - ".join(filter(None, words)).rstrip(". ")
