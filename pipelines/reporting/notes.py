"""What steps of a run have to say, in the words of its report."""

from tfx.types import standard_artifacts

from pipelines.ingestion.validation import describe_anomalies


def notes_of_steps(
    anomalies: standard_artifacts.ExampleAnomalies | None,
    tuner_results: standard_artifacts.TunerResults | None,
    push: dict[str, str] | None,
) -> dict[str, str]:
    """Returns notes, term to text.

    Args:
        anomalies: what ExampleValidator found, where it was asked.
        tuner_results: of the candidate, where it was tuned.
        push: where the candidate was pushed to; `None` where it was not.
    """
    notes = {}
    if anomalies is not None:
        notes["Validation of the examples"] = describe_anomalies(anomalies)
    if tuner_results is not None:
        notes["Tuning of the candidate"] = (
            tuner_results.get_string_custom_property("summary")
        )
    if push is None:
        notes["Not pushed"] = (
            "The candidate was not blessed: it finds less than the last "
            "blessed model, which stays in place."
        )
    else:
        notes["SavedModel"] = push["exact"]
        notes["SavedModel with ScaNN"] = push["scann"]
    return notes
