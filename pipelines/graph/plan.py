"""The plan of a run: its steps, what each of them reads, and its parameters.

A plan is plain data, made without TFX, which takes 20 seconds to import.
`graph.drawing` shows it, and `graph.pipeline` makes TFX's components of it.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from pipelines.configs import (
    UNSUPERVISED,
    YARDSTICKS,
    PipelineConfig,
    TrainConfig,
)
from pipelines.graph.config_notes import describe_config
from pipelines.graph.step import Output, Step

_EXAMPLES = Output("ImageExampleGen", "examples")
_STATISTICS = Output("StatisticsGen", "statistics")
_SCHEMA = Output("SchemaGen", "schema")
_LABELS = "pseudo_labels"


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
        steps += _train(config, method)
        steps += _evaluate(config, method, compare)
    if config.train.refit_on_all:
        # By the same steps, on all images, for publication alone.
        steps += _train(config, config.candidate, refit=True)
    return [*steps, *_publish(config), _report(config)]


def _ingest(config: PipelineConfig) -> Iterator[Step]:
    # Reads the images, sets bad files aside, splits by class or by chance.
    yield Step("ImageExampleGen", {}, {"ingest": config.ingest})
    # Counts the images of each class.
    yield Step("StatisticsGen", {"examples": _EXAMPLES})
    # Describes what a label, or without labels an id, looks like.
    yield Step("SchemaGen", {"statistics": _STATISTICS})
    # Finds those that look otherwise.
    yield Step(
        "ExampleValidator", {"statistics": _STATISTICS, "schema": _SCHEMA}
    )


def _train(
    config: PipelineConfig, method: str, refit: bool = False
) -> Iterator[Step]:
    # What is measured does not depend on what is published.
    train = dataclasses.replace(config.train, method=method, refit_on_all=refit)
    if refit:
        # There is no class left that it has not seen.
        train = dataclasses.replace(train, evaluate_every=0)
    name = f"{method}_refit" if refit else method
    if method in UNSUPERVISED:
        yield from _train_in_rounds(config, train, name)
        return
    found = {}
    if config.tune.trials and method == config.candidate:
        if not refit:
            # Tunes its loss and weights, on classes to train on alone.
            parameters = {"train": train, "tune": config.tune}
            yield Step("Tuner", {"examples": _EXAMPLES}, parameters)
        found = {"hyperparameters": Output("Tuner", "best_hyperparameters")}
    epochs = 0 if method in YARDSTICKS else config.train.epochs
    yield _trainer(train, f"Trainer_{name}", epochs, **found)


def _train_in_rounds(
    config: PipelineConfig, train: TrainConfig, name: str
) -> Iterator[Step]:
    """Yields the steps of a method that makes its labels itself.

    TFX has no loops, so the rounds are written out:

        Trainer_0 -> Clusterer_1 -> Trainer_1 -> Clusterer_2 -> Trainer_2 -> ...

    where each Trainer continues with the model of the one before.
    """
    rounds = config.rounds
    size = {"images_per_cluster": rounds.images_per_cluster}
    if rounds.num_clusters:
        size = {"num_clusters": rounds.num_clusters}
    images = {"splits": ["train", "test"]} if train.refit_on_all else {}
    # The first weights, or what can be learned from turned images alone.
    trainer = f"Trainer_{name}_0"
    yield _trainer(train, trainer, rounds.rotation_epochs)
    model = Output(trainer, "model")
    # The first time by its features: the embedding has learned nothing yet.
    space, previous = "features", {}
    for number in range(1, rounds.num_rounds + 1):
        # Clusters the images by what the model so far makes of them.
        clusterer = f"Clusterer_{name}_{number}"
        inputs = {"model": model, **previous}
        settings = {"space": space, **size, **images}
        yield _clusterer(config, clusterer, number, inputs, **settings)
        labels = Output(clusterer, _LABELS)
        # Continues the training, on these clusters.
        trainer = f"Trainer_{name}_{number}"
        inputs = {"base_model": model, _LABELS: labels}
        yield _trainer(train, trainer, rounds.epochs_per_round, **inputs)
        model = Output(trainer, "model")
        space, previous = "embeddings", {"previous": labels}
    if train.refit_on_all:
        return
    # What the finished model makes of all images, in clusters that are large
    # enough to be looked at; nobody's labels.
    yield _clusterer(
        config,
        f"Clusterer_{name}_final",
        rounds.num_rounds + 1,
        {"model": model},
        space="embeddings",
        images_per_cluster=rounds.images_per_shown_cluster,
        splits=["train", "test"],
    )


def _trainer(
    train: TrainConfig, name: str, epochs: int, **inputs: Output
) -> Step:
    inputs = {"examples": _EXAMPLES, "schema": _SCHEMA, **inputs}
    return Step(
        name, inputs, {"train": dataclasses.replace(train, epochs=epochs)}
    )


def _clusterer(
    config: PipelineConfig,
    name: str,
    number: int,
    inputs: dict[str, Output],
    **parameters: Any,
) -> Step:
    return Step(
        name,
        {"examples": _EXAMPLES, **inputs},
        {
            **parameters,
            "metric": config.rounds.metric,
            "round_number": number,
            "num_iterations": config.rounds.num_iterations,
            "seed": config.train.seed,
        },
    )


def _evaluate(
    config: PipelineConfig, method: str, compare: bool
) -> Iterator[Step]:
    model = _model(config, method)
    inputs = {"model": model, "examples": _EXAMPLES}
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
            yield Step("LastBlessedModel", {"candidate": model})
            inputs["baseline_model"] = Output("LastBlessedModel", "model")
    # Measures the model on unseen classes, or without labels on changed copies
    # of images, and blesses the candidate.
    yield Step(_evaluator(config, method), inputs, parameters)


def _publish(config: PipelineConfig) -> Iterator[Step]:
    parameters = dataclasses.asdict(config.index)
    if not config.ingest.labelled:
        # Nobody knows what would be a false match.
        del parameters["false_match_rate"]
    evaluator = _evaluator(config, config.candidate)
    refit = config.train.refit_on_all
    model = _model(config, config.candidate, refit)
    inputs = {"trained_model": model, "examples": _EXAMPLES}
    if refit:
        inputs["measured_model"] = _model(config, config.candidate)
    # Puts the whole gallery into the candidate, in two flavours.
    yield Step(
        "Indexer",
        inputs,
        parameters,
        # A failing index must not hide the scores.
        after=(evaluator,),
    )
    # Publishes both under one version, if the candidate was blessed.
    yield Step(
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
        "examples": _EXAMPLES,
        "quarantine": Output("ImageExampleGen", "quarantine"),
        "anomalies": Output("ExampleValidator", "anomalies"),
        "model": _model(config, config.candidate),
        "pushed_model": Output("Pusher", "pushed_model"),
    }
    if config.tune.trials:
        inputs["tuner_results"] = Output("Tuner", "tuner_results")
    for method in config.methods:
        trainer = _model(config, method).step
        inputs[f"model_run_{method}"] = Output(trainer, "model_run")
        evaluator = _evaluator(config, method)
        inputs[f"evaluation_{method}"] = Output(evaluator, "evaluation")
    clusterings = []
    if config.candidate in UNSUPERVISED:
        clusterings = [*range(1, config.rounds.num_rounds + 1), "final"]
    for number, name in enumerate(clusterings):
        clusterer = f"Clusterer_{config.candidate}_{name}"
        inputs[f"pseudo_labels_{number}"] = Output(clusterer, _LABELS)
    return Step(
        "Reporter",
        inputs,
        {
            "candidate": config.candidate,
            "titles": config.titles,
            "title": f"Visual search: {config.name}",
            "notes": describe_config(config),
        },
    )


def _model(config: PipelineConfig, method: str, refit: bool = False) -> Output:
    """Returns the trained model of a method."""
    name = f"{method}_refit" if refit else method
    last = f"_{config.rounds.num_rounds}" if method in UNSUPERVISED else ""
    return Output(f"Trainer_{name}{last}", "model")


def _evaluator(config: PipelineConfig, method: str) -> str:
    kind = "RetrievalEvaluator" if config.ingest.labelled else "CopyEvaluator"
    return f"{kind}_{method}"
