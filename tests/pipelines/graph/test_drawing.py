"""The plan that --dry-run shows is the one that runs."""

import dataclasses
import json

import pytest

from pipelines.configs import (
    RoundsConfig,
    TuneConfig,
    config_names,
    load_config,
)
from pipelines.graph.drawing import draw_plan
from pipelines.graph.plan import plan_run


def _config(name):
    try:
        return load_config(name)
    except ValueError:  # One of those that want a folder.
        return load_config(name, "images")


CONFIGS = {name: _config(name) for name in config_names()}
CONFIGS["tuned"] = dataclasses.replace(
    CONFIGS["glyphs_dvml"], tune=TuneConfig(trials=2)
)
for name in ("tuned", "glyphs_udml"):
    CONFIGS[f"{name}, refitted"] = dataclasses.replace(
        CONFIGS[name],
        train=dataclasses.replace(CONFIGS[name].train, refit_on_all=True),
    )


@pytest.mark.pipeline
@pytest.mark.parametrize("name", ["glyphs_udml, refitted", "tuned"])
def test_pipeline_has_the_steps_edges_and_parameters_of_the_plan(name):
    from pipelines.graph.pipeline import Places, create_pipeline

    pipeline = create_pipeline(
        CONFIGS[name], places=Places("/root", "/saved_models", "/datasets")
    )
    plan = {step.name: step for step in plan_run(CONFIGS[name])}
    assert set(plan) == {node.id for node in pipeline.components}
    for node in pipeline.components:
        step = plan[node.id]
        assert set(step.upstream) == {other.id for other in node.upstream_nodes}
        given = dict(node.exec_properties)
        if custom := given.get("custom_config"):
            given |= {"train": json.dumps(json.loads(custom)["train"])}
        for key, value in step.parameters.items():
            if dataclasses.is_dataclass(value):
                value = dataclasses.asdict(value)
            if isinstance(value, (dict, list, tuple)):
                given[key] = json.loads(given[key])
                value = json.loads(json.dumps(value))
            assert given[key] == value


@pytest.mark.parametrize("name", CONFIGS)
def test_steps_come_after_those_they_wait_for(name):
    seen = set()
    for step in plan_run(CONFIGS[name]):
        assert set(step.upstream) <= seen
        seen.add(step.name)


def test_drawing_shows_names_edges_and_parameters_and_fits_the_screen():
    lines = draw_plan(CONFIGS["glyphs_udml"])
    text = "\n".join(lines)
    assert "StatisticsGen              <- ImageExampleGen" in text
    assert "dataset=glyphs/default" in text
    assert "method=as_is, epochs=0\n" in text
    assert "method=udml, epochs=3, steps_per_epoch=50" in text
    assert max(map(len, lines)) < 80


def test_fixed_number_of_clusters_is_shown_instead_of_a_share():
    config = dataclasses.replace(
        CONFIGS["glyphs_udml"], rounds=RoundsConfig(num_clusters=7)
    )
    text = "\n".join(draw_plan(config))
    assert "space=features, num_clusters=7, metric=cosine" in text


def test_tuning_is_a_step_before_the_candidates_training_alone():
    before = {step.name: step.upstream for step in plan_run(CONFIGS["tuned"])}
    assert [name for name in before if "Tuner" in before[name]] == [
        "Trainer_dvml",
        "Reporter",
    ]
    untuned = plan_run(CONFIGS["glyphs_dvml"])
    assert "Tuner" not in {step.name for step in untuned}


@pytest.mark.parametrize("name", ["tuned", "glyphs_udml"])
def test_refitting_adds_a_training_on_all_and_leaves_what_is_measured(name):
    before = {step.name: step for step in plan_run(CONFIGS[name])}
    after = {step.name: step for step in plan_run(CONFIGS[f"{name}, refitted"])}
    added = [after[step] for step in after if step not in before]
    published = after["Indexer"].inputs["trained_model"].step
    measured = before["Indexer"].inputs["trained_model"].step
    assert added[-1].name == published != measured
    assert after["Indexer"].inputs["measured_model"].step == measured
    # By the same steps, and nothing that was there becomes another.
    assert {s for s in before if before[s] != after[s]} == {"Indexer"}
    for step in added:
        twin = before[step.name.replace("_refit", "")]
        if step.component == "Clusterer":
            assert step.parameters == {
                **twin.parameters,
                "splits": ["train", "test"],
            }
        else:
            assert step.parameters["train"] == dataclasses.replace(
                twin.parameters["train"], refit_on_all=True, evaluate_every=0
            )
        assert {name.replace("_refit", "") for name in step.upstream} == set(
            twin.upstream
        )


def test_candidate_is_measured_after_what_it_is_measured_against():
    methods = ("dvml", "as_is")
    config = dataclasses.replace(CONFIGS["glyphs_dvml"], methods=methods)
    steps = {step.name: step for step in plan_run(config)}
    assert list(steps["Reporter"].parameters["titles"]) == list(methods)
    judge = steps["RetrievalEvaluator_dvml"]
    assert judge.inputs["as_is"].step == "RetrievalEvaluator_as_is"
    assert "as_is" not in steps["RetrievalEvaluator_as_is"].inputs


def test_without_a_comparison_no_baseline_is_looked_up():
    plan = plan_run(CONFIGS["glyphs_dvml"], compare=False)
    assert "LastBlessedModel" not in {step.name for step in plan}


def test_plan_is_drawn_without_tfx(run_python):
    code = (
        "import sys; from pipelines.configs import load_config;"
        "from pipelines.graph.drawing import draw_plan;"
        "draw_plan(load_config('glyphs_dvml'));"
        "print({'tfx', 'tensorflow'} & set(sys.modules))"
    )
    assert run_python(code).strip() == "set()"
