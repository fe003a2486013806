"""What the steps of a run found, in the words of its report."""

from tfx.types import standard_artifacts

from keras_dvml.serving.facts import read_facts
from pipelines.ingestion.validation import describe_anomalies


def notes_of_steps(
    anomalies: standard_artifacts.ExampleAnomalies | None,
    tuner_results: standard_artifacts.TunerResults | None,
    push: dict[str, str] | None,
    fault: str,
) -> dict[str, str]:
    """Returns notes, term to text.

    Args:
        anomalies: what ExampleValidator found, where it was asked.
        tuner_results: of the candidate, where it was tuned.
        push: where the candidate was pushed to; `None` where it was not.
        fault: why it was not.
    """
    notes = {}
    if anomalies is not None:
        notes["Validation of the examples"] = describe_anomalies(anomalies)
    if tuner_results is not None:
        notes["Tuning of the candidate"] = (
            tuner_results.get_string_custom_property("summary")
        )
    if push is None:
        return {**notes, "Not pushed": fault}
    notes["SavedModel"] = push["exact"]
    notes["SavedModel with ScaNN"] = push["scann"]
    facts = read_facts(push["exact"])
    if remark := facts.get("remark"):
        notes["About the published model"] = remark
    if facts.get("true_match_rate") is not None:
        notes["Match threshold"] = (
            f"A similarity of {facts['match_threshold']:.3f}, which "
            f"{facts['false_match_rate']:.1%} of the queries reach with an "
            f"image of another class, and {facts['true_match_rate']:.1%} with "
            "one of their own."
        )
    return notes
