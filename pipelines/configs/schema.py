"""What a run may be told: one frozen dataclass a concern."""

import dataclasses
from typing import Literal

Augmentation = Literal["none", "random_shift", "random_resized_crop"]
"""A function of `keras_dvml.data` by its name, or none."""

Method = Literal["untrained", "triplet", "dvml"]
"""`untrained` measures the first weights; `triplet` is the plain baseline."""


@dataclasses.dataclass(frozen=True)
class IngestConfig:
    """Where the images come from. Exactly one source is set.

    Attributes:
        dataset: TFDS builder name such as `"glyphs/default"`. Its own splits
            `train` and `test` are used; their classes must not overlap.
        folder: path of a folder with one sub-folder a class. The first half
            of the classes, by name, is trained on, the last half tested on.
        max_bad_fraction: in [0, 1]. The run fails when a larger share of the
            files is quarantined.
    """

    dataset: str = ""
    folder: str = ""
    max_bad_fraction: float = 0.01

    def __post_init__(self):
        """Refuses two sources, none, or a share that is no share."""
        if bool(self.dataset) == bool(self.folder):
            raise ValueError(
                "Exactly one of `dataset` and `folder` must be set. Received: "
                f"dataset={self.dataset!r}, folder={self.folder!r}"
            )
        if not 0 <= self.max_bad_fraction <= 1:
            raise ValueError(
                "`max_bad_fraction` must lie in [0, 1]. Received: "
                f"max_bad_fraction={self.max_bad_fraction}"
            )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How one model is trained. All methods of a run share all but `method`.

    Attributes:
        method: which model and loss; see `Method`.
        image_size: pixels; images are cut to squares of this side.
        widths: channels of each block of the convolutional backbone.
        embedding_dim: numbers in an embedding.
        num_samples: DVML's draws of the variation an image.
        margin: of the triplet loss.
        epochs: passes of `steps_per_epoch` batches.
        steps_per_epoch: batches an epoch.
        classes_per_batch: classes in a batch; fewer where fewer exist.
        images_per_class: images of each of them, with replacement where a
            class has fewer.
        augmentation: random change of each training image.
        learning_rate: of Adam.
        release_decoder_at: epoch at which DVML's second phase begins.
        evaluate_every: epochs between retrieval scores on the test classes,
            for the training curves only; 0 never.
        seed: of weights, batches and noise.
    """

    method: Method = "dvml"
    image_size: int = 48
    widths: tuple[int, ...] = (32, 64, 128, 256)
    embedding_dim: int = 128
    num_samples: int = 20
    margin: float = 0.2
    epochs: int = 20
    steps_per_epoch: int = 50
    classes_per_batch: int = 16
    images_per_class: int = 5
    augmentation: Augmentation = "random_shift"
    learning_rate: float = 1e-3
    release_decoder_at: int = 5
    evaluate_every: int = 5
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """How models are measured, and which one may be pushed.

    Attributes:
        ks: the k of Recall@k.
        tolerance: in [0, 1]. The candidate is blessed when its Recall@1 is at
            least the last blessed model's minus this.
    """

    ks: tuple[int, ...] = (1, 2, 4, 8)
    tolerance: float = 0.01


@dataclasses.dataclass(frozen=True)
class IndexConfig:
    """How the gallery is searched.

    Attributes:
        num_neighbors: results a query.
        recall_floor: in [0, 1]. The run fails when the ScaNN index finds a
            smaller share of the true ten nearest neighbours.
    """

    num_neighbors: int = 10
    recall_floor: float = 0.95


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
    """One run, from images to a served search.

    Attributes:
        name: of the pipeline and of the model under `saved_models/`.
        ingest: where the images come from.
        train: the budget that all methods share.
        evaluation: how they are measured.
        index: how the gallery is searched.
        methods: which are trained and compared, in the order of the table.
        candidate: the one of them that is blessed, indexed and pushed.
    """

    name: str
    ingest: IngestConfig
    train: TrainConfig = TrainConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    index: IndexConfig = IndexConfig()
    methods: tuple[Method, ...] = ("untrained", "triplet", "dvml")
    candidate: Method = "dvml"

    def __post_init__(self):
        """Refuses a candidate that is not trained."""
        if self.candidate not in self.methods:
            raise ValueError(
                f"`candidate` must be one of `methods`. Received: candidate="
                f"{self.candidate!r}, methods={self.methods}"
            )
