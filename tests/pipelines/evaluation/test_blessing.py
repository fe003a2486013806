import os

import pytest

import keras_dvml as kd

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def module():
    from pipelines.evaluation import blessing

    return blessing


@pytest.mark.parametrize(
    ("recall", "baseline_recall", "blessed"),
    [
        (0.0, None, True),  # The first model has nothing to lose against.
        (0.60, 0.50, True),
        (0.50, 0.50, True),
        (0.49, 0.50, True),  # Within the tolerance of 0.01 ...
        (0.48, 0.50, False),  # ... and outside it.
    ],
)
def test_blessing_depends_on_the_last_blessed_model(
    module, recall, baseline_recall, blessed
):
    assert (
        module.deserves_blessing(recall, baseline_recall, tolerance=0.01)
        == blessed
    )


def test_blessing_tells_how_sure_the_difference_is(module, caplog):
    caplog.set_level("INFO")
    difference = kd.evaluation.Difference(0.1, -0.02, 0.22)
    assert module.deserves_blessing(0.6, 0.5, 0.01, difference=difference)
    assert "+10.0 points, 95% interval -2.0 to +22.0" in caplog.text


@pytest.mark.parametrize(
    ("high", "blessed"), [(-0.001, False), (0.0, True), (0.01, True)]
)
def test_model_that_is_worse_for_sure_is_not_blessed(module, high, blessed):
    # Half a point less, which the tolerance of one point would let pass.
    difference = kd.evaluation.Difference(-0.005, -0.009, high)
    assert (
        module.deserves_blessing(0.495, 0.5, 0.01, difference=difference)
        == blessed
    )


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
    module.write_blessing(blessing, blessed, model, baseline)
    assert blessing.get_int_custom_property("blessed") == int(blessed)
    assert blessing.get_int_custom_property("current_model_id") == 1
    assert blessing.get_int_custom_property("baseline_model_id") == 2
    assert os.listdir(blessing.uri) == [file]


def test_model_is_never_its_own_baseline(module, numbered_artifact):
    model = numbered_artifact("Model", 1)
    assert not module.is_usable_baseline(model, model)


def test_baseline_that_is_gone_is_passed_over(
    module, numbered_artifact, caplog
):
    assert not module.is_usable_baseline(
        numbered_artifact("Model", 1), numbered_artifact("Model", 2)
    )
    assert "is gone" in caplog.text


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
