"""What a field of a run may be, where only some words will do."""

from typing import Literal

Augmentation = Literal[
    "none", "random_shift", "random_resized_crop", "photographs", "drawings"
]
"""None, a function of `keras_dvml.data`, or what suits a kind of images: other
colours and a random part, of photographs mirrored as well, of drawings and
characters with light and dark exchanged as well."""

Method = Literal[
    "pixels", "hog", "as_is",
    "triplet", "plain", "dvml",
    "udml", "variational_udml",
]  # fmt: skip
"""The first three are not trained: images of 16 x 16 pixels, histograms of
gradients, and the pooled features of the backbone with its first weights.
`plain` is the baseline of `dvml` with the same loss, `triplet` the one with the
triplet loss. The last two learn without labels, the second of them with DVML's
terms."""

MetricLoss = Literal["triplet", "n_pair", "angular", "multi_similarity"]
"""The loss of `plain` and, as `L_m`, of `dvml`."""

Strategy = Literal["default", "mirrored", "multi_worker"]
"""One device; all devices of this machine; those of all the machines that
TF_CONFIG names. See `pipelines.training.strategies`."""

RetrievalScore = Literal["recall@1", "map@r"]

Split = Literal["auto", "given", "classes", "ratio"]
"""As the source says; the classes to test on drawn by their names, so that one
added later moves no other; images held out by chance, of every class alike.
`auto` is `given` for data sets and manifests with a column `split`, else
`classes` where there are labels and `ratio` where there are none."""

APPLICATIONS = (
    "EfficientNetV2B0",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "ResNet50",
)
"""Backbones by their name in `keras.applications`."""

EFFICIENTNETS: dict[str, int | None] = {
    "efficientnet_lite0": None,
    **{f"efficientnet_lite0:{block}": block for block in range(16)},
}
"""`keras_dvml.models.efficientnet_lite0` as a whole or up to one of its blocks,
by name, and the block."""

BackboneKind = Literal[
    "conv",
    "efficientnet_lite0",
    "application",
    "keras_hub",
    "file",
    "tensorflow_hub",
]
"""Where a backbone comes from. The last three bring their own weights."""

TERM_WEIGHTS = (
    "prior_weight",
    "reconstruction_weight",
    "synthetic_weight",
    "invariant_weight",
)
"""Fields of `TrainConfig` that weigh DVML's terms."""

TUNABLE = ("plain", "dvml")
UNSUPERVISED = ("udml", "variational_udml")
YARDSTICKS = ("pixels", "hog", "as_is")
WITHOUT_LABELS = (*YARDSTICKS, *UNSUPERVISED)
TITLES = {
    "pixels": "pixels",
    "hog": "HOG",
    "triplet": "triplet loss",
    "plain": "plain loss",
    "dvml": "DVML",
    "udml": "UDML-SS",
    "variational_udml": "variational UDML-SS",
}
"""Rows of the tables; that of `as_is` depends on the backbone's weights."""


def backbone_kind(backbone: str) -> BackboneKind:
    """Returns where the backbone of a name comes from.

    Args:
        backbone: field of `TrainConfig`.

    Raises:
        ValueError: where no backbone has such a name.
    """
    if backbone == "conv":
        return "conv"
    if backbone in EFFICIENTNETS:
        return "efficientnet_lite0"
    if backbone in APPLICATIONS:
        return "application"
    if backbone.startswith("keras_hub:"):
        return "keras_hub"
    if backbone.endswith(".keras"):
        return "file"
    # An address or a path has a slash.
    if "/" in backbone:
        return "tensorflow_hub"
    raise ValueError(
        f"`backbone` must be one of {('conv', *APPLICATIONS)}, or "
        "'efficientnet_lite0', or 'efficientnet_lite0:N' for its block N of 0 "
        "to 15, or the path of a '.keras' file, or 'keras_hub:PRESET', or the "
        "address or path of a feature vector of TensorFlow Hub; received "
        f"backbone={backbone!r}"
    )
