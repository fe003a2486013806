"""What TFX's validation counts of the examples, and what it found, in words.

The bytes of the images are not counted.
"""

# The classes of protocol buffers are made as they are loaded.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterator

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.types import artifact_utils, standard_artifacts

from keras_dvml.data import examples as example_keys
from pipelines.artifacts.files import read_bytes

_FILE = "SchemaDiff.pb"
NO_ANOMALIES = "no anomalies"


def statistics_options(labelled: bool) -> tfdv.StatsOptions:
    """Returns the options of StatisticsGen.

    Args:
        labelled: whether the examples have labels; else ids are counted.
    """
    if not labelled:
        return tfdv.StatsOptions(feature_allowlist=[example_keys.IMAGE_ID])
    # Labels are names that happen to be numbers. Taken for numbers, those of
    # two classes, 0 and 1, make a schema of truth values, and after other
    # classes in another split one of a range that 0 and 1 are out of.
    labels = schema_pb2.Feature(
        name=example_keys.LABEL,
        type=schema_pb2.INT,
        int_domain=schema_pb2.IntDomain(is_categorical=True),
    )
    return tfdv.StatsOptions(
        feature_allowlist=[example_keys.LABEL],
        schema=schema_pb2.Schema(feature=[labels]),
    )


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
    found = anomalies_pb2.Anomalies.FromString(read_bytes(uri, _FILE))
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
