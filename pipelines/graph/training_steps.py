"""The steps that train the methods of a run."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from pipelines.configs import UNSUPERVISED, YARDSTICKS, PipelineConfig
from pipelines.graph.step import Output, Step

EXAMPLES = Output("ImageExampleGen", "examples")
SCHEMA = Output("SchemaGen", "schema")
LABELS = "pseudo_labels"


def train_steps(
    config: PipelineConfig, method: str, refit: bool = False
) -> Iterator[Step]:
    """Yields the steps of the training of a method.

    Args:
        config: the run.
        method: one of its methods.
        refit: whether it is trained on all images, for publication alone.
    """
    if method in UNSUPERVISED:
        yield from _train_in_rounds(config, method, refit)
        return
    found = {}
    if config.tune.trials and method == config.candidate:
        if not refit:
            # Tunes its loss and weights, on classes to train on alone.
            train = dataclasses.replace(
                config.train, method=method, refit_on_all=False
            )
            yield Step(
                "Tuner",
                "Tuner",
                {"examples": EXAMPLES},
                {"train": train, "tune": config.tune},
            )
        found = {"hyperparameters": Output("Tuner", "best_hyperparameters")}
    epochs = 0 if method in YARDSTICKS else config.train.epochs
    trainer = trained_model(config, method, refit).step
    yield _trainer(config, method, trainer, epochs, found, refit)


def trained_model(
    config: PipelineConfig, method: str, refit: bool = False
) -> Output:
    """Returns the trained model of a method.

    Args:
        config: the run.
        method: one of its methods.
        refit: whether the one that was trained on all images.
    """
    last = f"_{config.rounds.num_rounds}" if method in UNSUPERVISED else ""
    return Output(f"Trainer_{_name(method, refit)}{last}", "model")


def _train_in_rounds(
    config: PipelineConfig, method: str, refit: bool
) -> Iterator[Step]:
    """Yields the steps of a method that makes its labels itself.

    TFX has no loops, so the rounds are written out:

        Trainer_0 -> Clusterer_1 -> Trainer_1 -> Clusterer_2 -> Trainer_2 -> ...

    where each Trainer continues with the model of the one before.
    """
    rounds, name = config.rounds, _name(method, refit)
    images = {"splits": ["train", "test"]} if refit else {}
    # The first weights, or what can be learned from turned images alone.
    trainer = f"Trainer_{name}_0"
    yield _trainer(config, method, trainer, rounds.rotation_epochs, {}, refit)
    for number in range(1, rounds.num_rounds + 1):
        # Clusters the images by what the model so far makes of them; the first
        # time by its features, since the embedding has learned nothing yet.
        clusterer, model = f"Clusterer_{name}_{number}", trainer
        space, previous = "features", {}
        if number > 1:
            earlier = Output(f"Clusterer_{name}_{number - 1}", LABELS)
            space, previous = "embeddings", {"previous": earlier}
        size = {"images_per_cluster": rounds.images_per_cluster}
        if rounds.num_clusters:
            size = {"num_clusters": rounds.num_clusters}
        yield _clusterer(
            config,
            clusterer,
            number,
            model,
            previous,
            space=space,
            **size,
            **images,
        )
        # Continues the training, on these clusters.
        trainer = f"Trainer_{name}_{number}"
        yield _trainer(
            config,
            method,
            trainer,
            rounds.epochs_per_round,
            {
                "base_model": Output(model, "model"),
                LABELS: Output(clusterer, LABELS),
            },
            refit,
        )
    if refit:
        return
    # What the finished model makes of all images, in clusters that are large
    # enough to be looked at; nobody's labels.
    yield _clusterer(
        config,
        f"Clusterer_{method}_final",
        rounds.num_rounds + 1,
        trainer,
        space="embeddings",
        images_per_cluster=rounds.images_per_shown_cluster,
        splits=["train", "test"],
    )


def _trainer(
    config: PipelineConfig,
    method: str,
    name: str,
    epochs: int,
    inputs: dict[str, Output],
    refit: bool,
) -> Step:
    train = dataclasses.replace(
        config.train, method=method, epochs=epochs, refit_on_all=refit
    )
    if refit:
        # There is no class left that it has not seen.
        train = dataclasses.replace(train, evaluate_every=0)
    return Step(
        name,
        "MetricTrainer",
        {"examples": EXAMPLES, "schema": SCHEMA, **inputs},
        {"train": train},
    )


def _clusterer(
    config: PipelineConfig,
    name: str,
    number: int,
    model: str,
    previous: dict[str, Output] | None = None,
    **parameters: Any,
) -> Step:
    return Step(
        name,
        "Clusterer",
        {
            "examples": EXAMPLES,
            "model": Output(model, "model"),
            **(previous or {}),
        },
        {
            **parameters,
            "metric": config.rounds.metric,
            "round_number": number,
            "num_iterations": config.rounds.num_iterations,
            "seed": config.train.seed,
        },
    )


def _name(method: str, refit: bool) -> str:
    return f"{method}_refit" if refit else method
