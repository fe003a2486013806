"""The graph of a run, told without importing TFX, which takes 20 seconds.

`pipelines.graph.pipeline` builds the real one; the tests hold the two to the
same steps, edges and parameters.
"""

import dataclasses
from typing import Any

from pipelines.configs import UNSUPERVISED, PipelineConfig

_WIDTH = 78
_SHOWN_OF_TRAINING = (
    "steps_per_epoch",
    "classes_per_batch",
    "images_per_class",
    "backbone",
    "image_size",
    "augmentation",
    "learning_rate",
    "seed",
)


@dataclasses.dataclass(frozen=True)
class Step:
    """A component of a run.

    Attributes:
        name: its id.
        upstream: ids of the steps it waits for, in the order of the run.
        parameters: those of its parameters that say what it will do.
    """

    name: str
    upstream: tuple[str, ...] = ()
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)


def graph_of(config: PipelineConfig) -> list[Step]:
    """Lists the steps of a run, each after those it waits for.

    Args:
        config: the run.

    Returns:
        The steps.

    Example:
        >>> from pipelines.configs import load_config
        >>> [step.name for step in graph_of(load_config("glyphs_dvml"))][:3]
        ['ImageExampleGen', 'StatisticsGen', 'SchemaGen']
    """
    steps = [
        Step("ImageExampleGen", (), _changed(config.ingest)),
        Step("StatisticsGen", ("ImageExampleGen",)),
        Step("SchemaGen", ("StatisticsGen",)),
        Step("ExampleValidator", ("StatisticsGen", "SchemaGen")),
    ]
    evaluator = (
        "RetrievalEvaluator" if config.ingest.labelled else "CopyEvaluator"
    )
    trainers, evaluators, reported = {}, {}, ["ExampleValidator"]
    for method in config.methods:
        tuned = []
        if config.tune.trials and method == config.candidate:
            tuned, reported = ["Tuner"], [*reported, "Tuner"]
            steps.append(Step("Tuner", ("ImageExampleGen",), _tuning(config)))
        trained = (
            _rounds(config, method)
            if method in UNSUPERVISED
            else [_trainer(config, method, f"Trainer_{method}", tuned)]
        )
        # The last clustering is for people, and comes after the model.
        trainers[method] = [
            step.name for step in trained if step.name.startswith("Trainer")
        ][-1]
        steps += trained
        upstream, parameters = ["ImageExampleGen", trainers[method]], {}
        if config.ingest.labelled:
            parameters["ks"] = list(config.evaluation.ks)
        if method == config.candidate:
            steps.append(Step("LastBlessedModel", (trainers[method],)))
            upstream.append("LastBlessedModel")
            parameters["tolerance"] = config.evaluation.tolerance
        evaluators[method] = f"{evaluator}_{method}"
        steps.append(Step(evaluators[method], tuple(upstream), parameters))

    candidate = config.candidate
    clusterers = [
        step.name
        for step in steps
        if step.name.startswith(f"Clusterer_{candidate}_")
    ]
    return [
        *steps,
        Step(
            "Indexer",
            ("ImageExampleGen", trainers[candidate], evaluators[candidate]),
            _indexing(config),
        ),
        Step(
            "Pusher",
            (evaluators[candidate], "Indexer"),
            {"model_name": config.name},
        ),
        Step(
            "Reporter",
            (
                "ImageExampleGen",
                *reported,
                *trainers.values(),
                *evaluators.values(),
                *clusterers,
                "Pusher",
            ),
            {"candidate": candidate},
        ),
    ]


def graph_lines(config: PipelineConfig) -> list[str]:
    """Lays the graph of a run out for the screen.

    Args:
        config: the run.

    Returns:
        Lines: a step, what it waits for, and below it its parameters.
    """
    steps = graph_of(config)
    width = max(len(step.name) for step in steps)
    lines = [f"The model {config.name!r}, in {len(steps)} steps:", ""]
    for step in steps:
        line = f"  {step.name:{width}}"
        if step.upstream:
            line = _wrapped(f"{line}  <- ", step.upstream)
        lines.append(line.rstrip())
        if step.parameters:
            shown = [f"{key}={_text(v)}" for key, v in step.parameters.items()]
            lines.append(_wrapped(" " * 6, shown))
    return lines


def _rounds(config: PipelineConfig, method: str) -> list[Step]:
    rounds = config.rounds
    steps = [
        _trainer(
            config,
            method,
            f"Trainer_{method}_0",
            epochs=rounds.rotation_epochs,
        )
    ]
    for number in range(1, rounds.num_rounds + 1):
        before = [f"Trainer_{method}_{number - 1}"]
        clusterer = f"Clusterer_{method}_{number}"
        steps.append(
            _clusterer(
                config,
                clusterer,
                before
                + ([f"Clusterer_{method}_{number - 1}"] if number > 1 else []),
                space="embeddings" if number > 1 else "features",
                num_clusters=rounds.num_clusters or 0,
                images_per_cluster=rounds.images_per_cluster,
            )
        )
        steps.append(
            _trainer(
                config,
                method,
                f"Trainer_{method}_{number}",
                [*before, clusterer],
                epochs=rounds.epochs_per_round,
            )
        )
    return [
        *steps,
        _clusterer(
            config,
            f"Clusterer_{method}_final",
            [f"Trainer_{method}_{rounds.num_rounds}"],
            space="embeddings",
            num_clusters=0,
            images_per_cluster=rounds.images_per_shown_cluster,
        ),
    ]


def _trainer(
    config: PipelineConfig,
    method: str,
    name: str,
    upstream: list[str] | tuple[()] = (),
    **changes: Any,
) -> Step:
    train = dataclasses.replace(config.train, method=method, **changes)
    parameters = {"method": method, "epochs": train.epochs}
    if train.epochs and method != "untrained":
        if method in ("plain", "dvml"):
            parameters["loss"] = train.loss
        parameters |= {key: getattr(train, key) for key in _SHOWN_OF_TRAINING}
        if train.strategy != "default":
            parameters["strategy"] = train.strategy
    return Step(name, ("ImageExampleGen", "SchemaGen", *upstream), parameters)


def _tuning(config: PipelineConfig) -> dict[str, Any]:
    told = dataclasses.asdict(config.tune)
    if config.candidate != "dvml":
        # No other has weights to be multiplied.
        del told["min_factor"], told["max_factor"]
    return told


def _indexing(config: PipelineConfig) -> dict[str, Any]:
    told = dataclasses.asdict(config.index)
    if not config.ingest.labelled:
        # Nobody knows what would be a false match.
        del told["false_match_rate"]
    return told


def _clusterer(
    config: PipelineConfig,
    name: str,
    upstream: list[str],
    **parameters: Any,
) -> Step:
    # 0 stands for: as many as there are images to a cluster.
    unused = "images_per_cluster" if parameters["num_clusters"] else None
    shown = {
        key: value
        for key, value in parameters.items()
        if value != 0 and key != unused
    }
    return Step(
        name,
        ("ImageExampleGen", *upstream),
        {**shown, "metric": config.rounds.metric},
    )


def _changed(config: Any) -> dict[str, Any]:
    """Returns the fields of a dataclass that are not at their defaults."""
    return {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    }


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


def _wrapped(start: str, words: list[str] | tuple[str, ...]) -> str:
    """Joins words by commas, with further lines below the first word."""
    lines = [start]
    for number, word in enumerate(words):
        comma = "," if number + 1 < len(words) else ""
        if len(lines[-1]) + len(word) + 1 > _WIDTH and lines[-1].strip():
            lines.append(" " * len(start))
        elif number:
            lines[-1] += " "
        lines[-1] += word + comma
    return "\n".join(lines)
