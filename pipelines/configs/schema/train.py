"""How a model is built and trained."""

import dataclasses
import math

from pipelines.configs.schema.choices import (
    TERM_WEIGHTS,
    Augmentation,
    Method,
    MetricLoss,
    Strategy,
    backbone_kind,
)
from pipelines.configs.schema.ranges import (
    AT_LEAST_0,
    AT_LEAST_1,
    SHARE,
    check_choices,
    check_ranges,
)

_WITH_WEIGHTS = ("keras_hub", "file", "tensorflow_hub")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How one model is trained. All methods of a run share all but `method`.

    `udml` and `variational_udml` train with the multi-similarity loss,
    `triplet` with the triplet loss, the others with `loss`.

    Attributes:
        method: which model and loss; see `Method`.
        loss: of `plain` and `dvml`; see `MetricLoss`.
        backbone: `"conv"` for a small convolutional network; one of
            `APPLICATIONS`; `"efficientnet_lite0"`, or `"efficientnet_lite0:14"`
            for the features of its block 14; or one that brings its weights:
            the path of a `.keras` file, of a trained model here or of any that
            takes images of -1..1; `"keras_hub:PRESET"`, with the name of a
            preset of KerasHub or the path of its folder; a feature vector of
            TensorFlow Hub, by its address or the path of its folder.
        weights: `""` for weights drawn from the seed or the backbone's own,
            `"imagenet"` for those of EfficientNet-Lite0's package or those that
            `keras.applications` downloads, or the path of a file of weights of
            the backbone without its top.
        image_size: pixels; images are cut to squares of this side.
        widths: channels of each block of the `"conv"` backbone.
        batch_norm_frozen: whether batch normalisation stays as pretrained.
        frozen_share: in 0..1. Share of the backbone's layers that stays as
            pretrained, from the images on; only layers with weights count.
        head_rate: learning rate of all but the backbone, as a multiple of
            `learning_rate`.
        embedding_dim: numbers in an embedding.
        num_samples: DVML's draws of the variation an image.
        prior_weight: of that term of DVML, in its first and second phase.
        reconstruction_weight: likewise.
        synthetic_weight: likewise.
        invariant_weight: likewise.
        rotation_weight: UDML's weight of telling how an image was turned.
        rotation_batch: images of a batch that UDML turns.
        margin: of the triplet loss.
        angle: of the angular loss, in degrees.
        epochs: passes of `steps_per_epoch` batches; for UDML, see
            `RoundsConfig`.
        steps_per_epoch: batches an epoch.
        classes_per_batch: classes in a batch; fewer where fewer exist.
        images_per_class: images of each of them, with replacement where a
            class has fewer.
        augmentation: random change of each training image.
        crop_min_area: in (0, 1]. Least share of an image that a random part
            keeps.
        color_strength: how much colours are changed, 0 for not at all.
        learning_rate: of Adam, at first.
        learning_rate_decay: whether it falls to nothing over these epochs,
            along half a cosine; over those of each of UDML's rounds anew.
        weight_decay: of Adam, apart from the gradients, times the rate.
        release_decoder_at: epoch at which DVML's second phase begins.
        evaluate_every: epochs between retrieval scores on the test classes,
            for the training curves only; 0 never.
        seed: of weights, batches and noise.
        strategy: what is trained on; see `Strategy`. A batch is the global
            one whatever it is: every device computes its share.
        refit_on_all: whether the model that is published is trained on all
            images: by the same steps from the same start as the one that was
            measured on images it had not seen, and blessed.
    """

    method: Method = "dvml"
    loss: MetricLoss = "triplet"
    backbone: str = "conv"
    weights: str = ""
    image_size: int = 48
    widths: tuple[int, ...] = (32, 64, 128, 256)
    batch_norm_frozen: bool = False
    frozen_share: float = 0.0
    head_rate: float = 1.0
    embedding_dim: int = 128
    num_samples: int = 20
    prior_weight: tuple[float, ...] = (0.01, 0.01)
    reconstruction_weight: tuple[float, ...] = (1.0, 1.0)
    synthetic_weight: tuple[float, ...] = (0.1, 0.2)
    invariant_weight: tuple[float, ...] = (1.0, 0.8)
    rotation_weight: float = 0.1
    rotation_batch: int = 16
    margin: float = 0.2
    angle: float = 40.0
    epochs: int = 20
    steps_per_epoch: int = 50
    classes_per_batch: int = 16
    images_per_class: int = 5
    augmentation: Augmentation = "random_shift"
    crop_min_area: float = 0.7
    color_strength: float = 1.0
    learning_rate: float = 1e-3
    learning_rate_decay: bool = False
    weight_decay: float = 0.0
    release_decoder_at: int = 5
    evaluate_every: int = 5
    seed: int = 0
    strategy: Strategy = "default"
    refit_on_all: bool = False

    def __post_init__(self) -> None:
        """Refuses what there is not, and numbers that are out of range."""
        check_ranges(
            self,
            image_size=AT_LEAST_1,
            frozen_share=SHARE,
            embedding_dim=AT_LEAST_1,
            num_samples=AT_LEAST_1,
            rotation_weight=AT_LEAST_0,
            rotation_batch=AT_LEAST_1,
            margin=AT_LEAST_0,
            epochs=AT_LEAST_0,
            steps_per_epoch=AT_LEAST_1,
            classes_per_batch=AT_LEAST_1,
            images_per_class=(2, math.inf),
            crop_min_area=SHARE,
            color_strength=AT_LEAST_0,
            learning_rate=AT_LEAST_0,
            weight_decay=AT_LEAST_0,
            release_decoder_at=AT_LEAST_0,
            evaluate_every=AT_LEAST_0,
            seed=AT_LEAST_0,
        )
        check_choices(self, strategy=Strategy, loss=MetricLoss)
        for name in TERM_WEIGHTS:
            if len(getattr(self, name)) != 2:
                raise ValueError(
                    f"`{name}` must be two numbers, for phases 1 and 2; "
                    f"received {name}={getattr(self, name)}"
                )
        kind = backbone_kind(self.backbone)
        if self.weights and kind in _WITH_WEIGHTS:
            raise ValueError(
                "`weights` must be '' (`--set train.weights=`) for a backbone "
                f"that brings its own; received weights={self.weights!r}, "
                f"backbone={self.backbone!r}"
            )
        if self.weights == "imagenet" and kind == "conv":
            raise ValueError(
                "`weights` must be '' (`--set train.weights=`) or a file for a "
                "backbone that has none from ImageNet; received "
                f"weights='imagenet', backbone={self.backbone!r}"
            )

    @property
    def is_pretrained(self) -> bool:
        """Whether the backbone's first weights are not drawn from the seed."""
        kind = backbone_kind(self.backbone)
        return bool(self.weights) or kind in _WITH_WEIGHTS
