"""What the validation of examples found, as people read it."""

import pathlib

import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def validated(artifact):
    """Validates splits of labels as TFX does, against what some looked like."""
    import pandas as pd
    import tensorflow_data_validation as tfdv
    from tfx.components.example_validator.executor import Executor
    from tfx.types import artifact_utils, standard_artifacts
    from tfx.utils import json_utils

    def statistics_of(labels):
        frame = pd.DataFrame({"label": pd.Series(labels, dtype=object)})
        return tfdv.generate_statistics_from_dataframe(frame)

    def validate(usual, **splits):
        schema = artifact(standard_artifacts.Schema)
        tfdv.write_schema_text(
            tfdv.infer_schema(statistics_of(usual)),
            str(pathlib.Path(schema.uri, "schema.pbtxt")),
        )
        statistics = artifact(standard_artifacts.ExampleStatistics)
        statistics.split_names = artifact_utils.encode_split_names(list(splits))
        for split, labels in splits.items():
            folder = pathlib.Path(statistics.uri, f"Split-{split}")
            folder.mkdir()
            (folder / "FeatureStats.pb").write_bytes(
                statistics_of(labels).SerializeToString()
            )
        found = artifact(standard_artifacts.ExampleAnomalies)
        Executor().Do(
            {"statistics": [statistics], "schema": [schema]},
            {"anomalies": [found]},
            {"exclude_splits": json_utils.dumps([])},
        )
        return found

    return validate


def test_examples_as_usual_have_no_anomalies(validated):
    from pipelines.ingestion.validation import describe_anomalies

    found = validated([1, 2, 3], train=[1, 2], test=[3, 1])
    assert describe_anomalies(found) == "no anomalies"


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ([0, 0, 1, 1], [2, 3]),  # Two classes are not "no" and "yes".
        ([2, 3], [0, 1]),
        ([0, 1], [2]),
        ([0, 1, 2], [3, 4, 5]),
    ],
)
def test_other_classes_to_test_on_are_no_anomaly(train, test, artifact):
    import pandas as pd
    import tensorflow_data_validation as tfdv
    from tfx.components.example_validator.executor import Executor
    from tfx.components.schema_gen import executor as schema_gen
    from tfx.types import artifact_utils, standard_artifacts
    from tfx.utils import json_utils

    from pipelines.ingestion.validation import (
        describe_anomalies,
        statistics_options,
    )

    # As it travels to the step.
    options = tfdv.StatsOptions.from_json(statistics_options(True).to_json())
    statistics = artifact(standard_artifacts.ExampleStatistics)
    statistics.split_names = artifact_utils.encode_split_names(
        ["train", "test"]
    )
    for split, labels in (("train", train), ("test", test)):
        counted = tfdv.generate_statistics_from_dataframe(
            pd.DataFrame({"label": labels}), stats_options=options
        )
        assert counted.datasets[0].features[0].string_stats.unique == len(
            set(labels)
        )
        folder = pathlib.Path(statistics.uri, f"Split-{split}")
        folder.mkdir()
        (folder / "FeatureStats.pb").write_bytes(counted.SerializeToString())
    schema = artifact(standard_artifacts.Schema)
    schema_gen.Executor().Do(
        {"statistics": [statistics]},
        {"schema": [schema]},
        {"infer_feature_shape": True},
    )
    found = artifact(standard_artifacts.ExampleAnomalies)
    Executor().Do(
        {"statistics": [statistics], "schema": [schema]},
        {"anomalies": [found]},
        {"exclude_splits": json_utils.dumps([])},
    )
    assert describe_anomalies(found) == "no anomalies"


def test_anomalies_name_split_feature_and_reason(validated):
    from pipelines.ingestion.validation import describe_anomalies

    found = validated([1, 2, 3], train=[1, 2], test=["one", "two"])
    words = describe_anomalies(found)
    assert words.startswith("1 anomaly: test: feature 'label': ")
    assert "type" in words.lower()


def test_line_of_the_step_tells_them(validated):
    from pipelines.runners.local.step_runner import StepOutcome

    found = validated([1, 2], train=["a", "b"], test=["c", "d"])
    outcome = StepOutcome(False, 1.0, {"anomalies": [found]})
    assert outcome.summary.startswith("2 anomalies: train: feature 'label'")


def test_report_notes_them(validated):
    from pipelines.reporting.notes import notes_of_steps

    found = validated([1, 2], train=[1], test=[2])
    notes = notes_of_steps(found, None, None, "")
    assert notes["Validation of the examples"] == "no anomalies"
