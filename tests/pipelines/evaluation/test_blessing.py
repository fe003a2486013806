import os

import pytest

import keras_dvml as kd

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def module():
    from pipelines.evaluation import blessing

    return blessing


def fault(module, score, last=None, as_is=None):
    """Each rival is its score, and how high the difference may be."""

    def rival(other, high):
        difference = kd.evaluation.Difference(
            score - other, min(score - other, high) - 0.1, high
        )
        return module.Rival(other, difference)

    return module.find_fault(
        score,
        last=last and rival(*last),
        as_is=as_is and rival(*as_is),
        tolerance=0.01,
    )


@pytest.mark.parametrize(
    ("score", "last", "blessed"),
    [
        (0.0, None, True),  # The first model has nothing to lose against.
        (0.60, (0.50, 0.2), True),
        (0.50, (0.50, 0.1), True),
        (0.49, (0.50, 0.1), True),  # Within the tolerance of 0.01 ...
        (0.48, (0.50, 0.1), False),  # ... and outside it.
        # Half a point less, which the tolerance of one point would let pass.
        (0.495, (0.50, -0.001), False),
        (0.495, (0.50, 0.0), True),
    ],
)
def test_blessing_depends_on_the_last_blessed_model(
    module, score, last, blessed
):
    found = fault(module, score, last)
    assert (not found) == blessed
    assert blessed or "That one stays in place." in found


@pytest.mark.parametrize(
    ("high", "blessed"), [(-0.001, False), (0.0, True), (0.01, True)]
)
def test_nothing_worse_than_no_training_is_blessed(module, high, blessed):
    # The tolerance is for the last model: chance alone is allowed for here.
    found = fault(module, 0.033, as_is=(0.046, high))
    assert (not found) == blessed
    if not blessed:
        assert "3.3% against 4.6% of the backbone as it is" in found
        assert "-1.3 points, 95% interval -11.3 to -0.1" in found
        assert "Try more images of each class, another backbone" in found


def test_a_model_may_be_worse_than_both(module):
    found = fault(module, 0.3, last=(0.5, -0.1), as_is=(0.4, -0.1))
    assert "last blessed model" in found and "as it is" in found


@pytest.mark.parametrize(
    ("blessed", "file"), [(True, "BLESSED"), (False, "NOT_BLESSED")]
)
def test_blessing_is_written_as_tfx_reads_it(
    module, numbered_artifact, blessed, file
):
    blessing = numbered_artifact("ModelBlessing", 3)
    model, baseline = (
        numbered_artifact("Model", 1),
        numbered_artifact("Model", 2),
    )
    reason = "" if blessed else "It finds too little."
    module.write_blessing(blessing, reason, model, baseline)
    assert blessing.get_string_custom_property("fault") == reason
    assert blessing.get_int_custom_property("blessed") == int(blessed)
    assert blessing.get_int_custom_property("current_model_id") == 1
    assert blessing.get_int_custom_property("baseline_model_id") == 2
    assert os.listdir(blessing.uri) == [file]


def test_model_is_never_its_own_baseline(module, numbered_artifact):
    model = numbered_artifact("Model", 1)
    assert not module.is_usable_baseline(model, model, None)


def test_baseline_that_is_gone_is_passed_over(
    module, numbered_artifact, caplog
):
    assert not module.is_usable_baseline(
        numbered_artifact("Model", 1), numbered_artifact("Model", 2), None
    )
    assert "is gone" in caplog.text


@pytest.mark.parametrize(
    ("known", "known_to_candidate", "usable"),
    [
        (["auk", "owl"], ["auk", "owl"], True),
        # Tested on, and unknown to the candidate alone.
        (["auk", "tern"], ["auk", "owl"], False),
        (["auk", "tern"], ["owl", "tern"], True),
        # Not there any more.
        (["auk", "dodo"], ["auk"], True),
    ],
)
def test_baseline_that_was_trained_on_what_is_tested_is_passed_over(
    module, numbered_artifact, write_records, known, known_to_candidate, usable
):
    import pathlib

    from tfx.types import artifact_utils

    from pipelines.artifacts.models import write_classes

    baseline, model, examples = (
        numbered_artifact("Model", 1),
        numbered_artifact("Model", 2),
        numbered_artifact("Examples", 3),
    )
    write_classes(baseline.uri, known)
    write_classes(model.uri, known_to_candidate)
    pathlib.Path(baseline.uri, "Format-Serving").mkdir()
    examples.split_names = artifact_utils.encode_split_names(["train", "test"])
    write_records(
        pathlib.Path(examples.uri, "Split-test", "data.gz"),
        [(b"", "1", 0, "tern"), (b"", "2", 1, "wren")],
    )
    assert module.is_usable_baseline(baseline, model, examples) == usable


def blessing_of(numbered_artifact, number, blessed=1):
    blessing = numbered_artifact("ModelBlessing", 100 + number)
    blessing.set_int_custom_property("current_model_id", number)
    blessing.set_int_custom_property("blessed", blessed)
    return blessing


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (3, [2]),  # The last one is blessed, but it is the candidate.
        (4, [3]),
        (1, [3]),  # An old model comes back: the newest blessed is its judge.
    ],
)
def test_baseline_is_the_last_blessed_other_model(
    numbered_artifact, candidate, expected
):
    from pipelines.evaluation.baseline import LatestOtherBlessedModelStrategy

    models = {
        number: numbered_artifact("Model", number) for number in (1, 2, 3, 4)
    }
    resolved = LatestOtherBlessedModelStrategy().resolve_artifacts(
        store=None,
        input_dict={
            "model": list(models.values()),
            "model_blessing": [
                blessing_of(numbered_artifact, number) for number in (1, 2, 3)
            ],
            "candidate": [models[candidate]],
        },
    )
    assert [model.id for model in resolved["model"]] == expected


def test_models_that_were_not_blessed_are_no_baseline(numbered_artifact):
    from pipelines.evaluation.baseline import LatestOtherBlessedModelStrategy

    resolved = LatestOtherBlessedModelStrategy().resolve_artifacts(
        store=None,
        input_dict={
            "model": [
                numbered_artifact("Model", 1),
                numbered_artifact("Model", 2),
            ],
            "model_blessing": [blessing_of(numbered_artifact, 1, blessed=0)],
            "candidate": [numbered_artifact("Model", 2)],
        },
    )
    assert resolved["model"] == []
