"""What is counted of the examples; the image bytes are passed over."""

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2

from keras_dvml.data import examples as example_keys


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
