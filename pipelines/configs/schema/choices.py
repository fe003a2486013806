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
TF_CONFIG names. See `pipelines.training.distributed.strategies`."""

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
