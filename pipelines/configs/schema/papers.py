"""The set-ups of the papers, which their data sets share."""

import dataclasses
from collections.abc import Callable
from typing import Any

from pipelines.configs.schema.images_argument import archives_in
from pipelines.configs.schema.run import (
    EvaluationConfig,
    IngestConfig,
    PipelineConfig,
    RoundsConfig,
)
from pipelines.configs.schema.train import TrainConfig

Configure = Callable[[str | None], PipelineConfig]

# Inception-v1, which is GoogLeNet, with batch normalisation.
_BACKBONE = TrainConfig(
    backbone="https://tfhub.dev/google/imagenet/inception_v1/feature_vector/5",
    batch_norm_frozen=True,
    image_size=227,
    augmentation="random_resized_crop",
    learning_rate=1e-5,
)
_DVML = dataclasses.replace(
    _BACKBONE,
    embedding_dim=512,
    num_samples=20,
    epochs=200,
    steps_per_epoch=100,
    classes_per_batch=32,
    images_per_class=4,
    crop_min_area=0.78,
    head_rate=10.0,
    release_decoder_at=50,
    evaluate_every=20,
)
_UDML = dataclasses.replace(
    _BACKBONE,
    embedding_dim=128,
    rotation_weight=0.1,
    rotation_batch=16,
    classes_per_batch=16,
    images_per_class=5,
    crop_min_area=0.16,
    weight_decay=5e-4,
    evaluate_every=0,
)
_KS = {"online_products": (1, 10, 100, 1000)}


def dvml_run(name: str, data_set: str, **train: Any) -> Configure:
    """Returns the `configure` of a run with the set-up of the DVML paper.

    Args:
        name: of the run.
        data_set: such as `"cub200"`, of the builders `<data_set>_retrieval`.
        **train: fields of `TrainConfig` that differ from the set-up.
    """
    return _run(
        name,
        data_set,
        train=dataclasses.replace(_DVML, **train),
        methods=("as_is", "plain", "dvml"),
    )


def udml_run(
    name: str, data_set: str, *, num_clusters: int = 100, **train: Any
) -> Configure:
    """Returns the `configure` of a run with the set-up of the UDML-SS paper.

    Args:
        name: of the run.
        data_set: such as `"cub200"`, of the builders `<data_set>_retrieval`.
        num_clusters: of each round.
        **train: fields of `TrainConfig` that differ from the set-up.
    """
    return _run(
        name,
        data_set,
        train=dataclasses.replace(_UDML, **train),
        rounds=RoundsConfig(
            num_rounds=120, epochs_per_round=5, num_clusters=num_clusters
        ),
        methods=("as_is", "udml"),
        candidate="udml",
    )


def _run(name: str, data_set: str, **fields: Any) -> Configure:
    def configure(images: str | None) -> PipelineConfig:
        """Returns the run.

        Args:
            images: folder of the archive; not needed once TFDS has prepared
                it.
        """
        return PipelineConfig(
            name=name,
            ingest=IngestConfig(
                dataset=f"{data_set}_retrieval/whole",
                archives=archives_in(images),
            ),
            evaluation=EvaluationConfig(ks=_KS.get(data_set, (1, 2, 4, 8))),
            **fields,
        )

    return configure
