"""The graph that --dry-run shows is the one that runs."""

import dataclasses
import json

import pytest

from pipelines.configs import (
    RoundsConfig,
    TuneConfig,
    config_names,
    load_config,
)
from pipelines.graph.drawing import graph_lines, graph_of


def _config(name):
    try:
        return load_config(name)
    except ValueError:  # One of those that want a folder.
        return load_config(name, "images")


CONFIGS = [(name, _config(name)) for name in config_names()]
CONFIGS += [
    (
        "tuned",
        dataclasses.replace(_config("glyphs_dvml"), tune=TuneConfig(trials=2)),
    )
]


@pytest.mark.pipeline
@pytest.mark.parametrize(("name", "config"), CONFIGS)
def test_graph_has_the_steps_edges_and_parameters_of_the_pipeline(name, config):
    from pipelines.graph.pipeline import Places, create_pipeline

    pipeline = create_pipeline(
        config, places=Places("/root", "/saved_models", "/datasets")
    )
    steps = {step.name: step for step in graph_of(config)}
    assert set(steps) == {node.id for node in pipeline.components}
    for node in pipeline.components:
        step = steps[node.id]
        assert set(step.upstream) == {one.id for one in node.upstream_nodes}
        told = dict(node.exec_properties)
        if custom := told.get("custom_config"):
            told |= json.loads(custom)["train"]
        if tune := told.get("tune"):
            told |= {k: _tuple(v) for k, v in json.loads(tune).items()}
        for key, value in step.parameters.items():
            if node.id == "ImageExampleGen":
                # Two sorts of folders are two parameters there.
                if not isinstance(value, bool):
                    assert value in told.values(), key
            else:
                assert told[key] in (value, json.dumps(value)), key


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize(("name", "config"), CONFIGS)
def test_steps_come_after_those_they_wait_for(name, config):
    seen = set()
    for step in graph_of(config):
        assert set(step.upstream) <= seen
        seen.add(step.name)


def test_lines_show_names_edges_and_parameters_and_fit_the_screen():
    config = load_config("glyphs_udml")
    lines = "\n".join(graph_lines(config)).split("\n")
    text = "\n".join(lines)
    assert "StatisticsGen                 <- ImageExampleGen" in text
    assert "dataset=glyphs/default" in text
    assert "method=udml, epochs=3, steps_per_epoch=50" in text
    assert max(map(len, lines)) < 80


def test_fixed_number_of_clusters_is_shown_instead_of_a_share():
    config = dataclasses.replace(
        load_config("glyphs_udml"), rounds=RoundsConfig(num_clusters=7)
    )
    text = "\n".join(graph_lines(config))
    assert "space=features, num_clusters=7, metric=cosine" in text


def test_tuning_is_a_step_before_the_candidates_training_alone():
    config = dict(CONFIGS)["tuned"]
    before = {step.name: step.upstream for step in graph_of(config)}
    assert [name for name in before if "Tuner" in before[name]] == [
        "Trainer_dvml",
        "Reporter",
    ]
    untuned = dataclasses.replace(config, tune=TuneConfig())
    assert "Tuner" not in {step.name for step in graph_of(untuned)}
