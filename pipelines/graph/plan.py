"""The plan of a run: its steps, what each of them reads, and its parameters.

A plan is plain data, made without TFX, which takes 20 seconds to import.
`graph.drawing` shows it, and `graph.pipeline` makes TFX's components of it.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from pipelines.configs import UNSUPERVISED, PipelineConfig
from pipelines.graph.config_notes import describe_config
from pipelines.graph.step import Output, Step
from pipelines.graph.training_steps import (
    EXAMPLES,
    LABELS,
    SCHEMA,
    train_steps,
    trained_model,
)

_STATISTICS = Output("StatisticsGen", "statistics")


def plan_run(config: PipelineConfig, compare: bool = True) -> list[Step]:
    """Lists the steps of a run, each after those it waits for.

    Args:
        config: the run.
        compare: whether the candidate is compared with the last blessed
            model.

    Example:
        >>> from pipelines.configs import load_config
        >>> [step.name for step in plan_run(load_config("glyphs_dvml"))][:3]
        ['ImageExampleGen', 'StatisticsGen', 'SchemaGen']
    """
    steps = [*_ingest(config)]
    # The candidate comes last: what it is measured against is there by then.
    for method in sorted(config.methods, key=lambda m: m == config.candidate):
        steps += train_steps(config, method)
        steps += _evaluate(config, method, compare)
    if config.train.refit_on_all:
        # By the same steps, on all images, for publication alone.
        steps += train_steps(config, config.candidate, refit=True)
    return [*steps, *_publish(config), _report(config)]


def _ingest(config: PipelineConfig) -> Iterator[Step]:
    # Reads the images, sets bad files aside, splits by class or by chance.
    yield Step(
        "ImageExampleGen",
        "ImageExampleGen",
        parameters={"ingest": config.ingest},
    )
    # Counts the images of each class.
    yield Step("StatisticsGen", "StatisticsGen", {"examples": EXAMPLES})
    # Describes what a label, or without labels an id, looks like.
    yield Step("SchemaGen", "SchemaGen", {"statistics": _STATISTICS})
    # Finds those that look otherwise.
    yield Step(
        "ExampleValidator",
        "ExampleValidator",
        {"statistics": _STATISTICS, "schema": SCHEMA},
    )


def _evaluate(
    config: PipelineConfig, method: str, compare: bool
) -> Iterator[Step]:
    inputs = {"model": trained_model(config, method), "examples": EXAMPLES}
    parameters: dict[str, Any] = {}
    if config.ingest.labelled:
        parameters["ks"] = config.evaluation.ks
    if method == config.candidate:
        parameters["tolerance"] = config.evaluation.tolerance
        if "as_is" in config.methods and method != "as_is":
            as_is = _evaluator(config, "as_is")
            inputs["as_is"] = Output(as_is, "evaluation")
        if compare:
            # Finds the last model that was good enough.
            yield Step(
                "LastBlessedModel",
                "LastBlessedModel",
                {"candidate": trained_model(config, method)},
            )
            inputs["baseline_model"] = Output("LastBlessedModel", "model")
    # Measures the model on unseen classes, or without labels on changed copies
    # of images, and blesses the candidate.
    evaluator = _evaluator(config, method)
    component = evaluator.removesuffix(f"_{method}")
    yield Step(evaluator, component, inputs, parameters)


def _publish(config: PipelineConfig) -> Iterator[Step]:
    parameters = dataclasses.asdict(config.index)
    if not config.ingest.labelled:
        # Nobody knows what would be a false match.
        del parameters["false_match_rate"]
    evaluator = _evaluator(config, config.candidate)
    refit = config.train.refit_on_all
    inputs = {
        "trained_model": trained_model(config, config.candidate, refit),
        "examples": EXAMPLES,
    }
    if refit:
        inputs["measured_model"] = trained_model(config, config.candidate)
    # Puts the whole gallery into the candidate, in two flavours.
    yield Step(
        "Indexer",
        "Indexer",
        inputs,
        parameters,
        # A failing index must not hide the scores.
        after=(evaluator,),
    )
    # Publishes both under one version, if the candidate was blessed.
    yield Step(
        "Pusher",
        "Pusher",
        {
            "model": Output("Indexer", "model"),
            "scann_model": Output("Indexer", "scann_model"),
            "blessing": Output(evaluator, "blessing"),
        },
        {"model_name": config.name},
    )


def _report(config: PipelineConfig) -> Step:
    # Searches with what was published, and shows it beside all scores.
    inputs = {
        "examples": EXAMPLES,
        "quarantine": Output("ImageExampleGen", "quarantine"),
        "anomalies": Output("ExampleValidator", "anomalies"),
        "model": trained_model(config, config.candidate),
        "pushed_model": Output("Pusher", "pushed_model"),
    }
    if config.tune.trials:
        inputs["tuner_results"] = Output("Tuner", "tuner_results")
    for method in config.methods:
        trainer, evaluator = (
            trained_model(config, method).step,
            _evaluator(config, method),
        )
        inputs[f"model_run_{method}"] = Output(trainer, "model_run")
        inputs[f"evaluation_{method}"] = Output(evaluator, "evaluation")
    clusterings = []
    if config.candidate in UNSUPERVISED:
        clusterings = [*range(1, config.rounds.num_rounds + 1), "final"]
    for number, name in enumerate(clusterings):
        clusterer = f"Clusterer_{config.candidate}_{name}"
        inputs[f"pseudo_labels_{number}"] = Output(clusterer, LABELS)
    return Step(
        "Reporter",
        "Reporter",
        inputs,
        {
            "candidate": config.candidate,
            "titles": config.titles,
            "title": f"Visual search: {config.name}",
            "notes": describe_config(config),
        },
    )


def _evaluator(config: PipelineConfig, method: str) -> str:
    kind = "RetrievalEvaluator" if config.ingest.labelled else "CopyEvaluator"
    return f"{kind}_{method}"
