"""The rows of `accuracy_glyphs.py`, and one training run of one of them."""

import dataclasses
import functools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.class_split import num_train_classes
from keras_dvml.data.datasets import load_glyphs

IMAGE_SIZE = 48
SETTINGS = ("adapted", "from scratch")
LOSSES = {
    "triplet": functools.partial(kd.losses.TripletSemiHardLoss, margin=0.2),
    "N-pair": kd.losses.NPairLoss,
    "angular": kd.losses.AngularLoss,
    "multi-similarity": kd.losses.MultiSimilarityLoss,
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on beside its setting, row and seed.

    Args:
        pretraining_steps: steps with labels on the `pretrain` split.
        steps: steps on the `train` split.
        steps_per_round: steps that a round of clusters lasts; without
            clusters, an epoch.
        images_per_cluster: images of the train split over clusters.
        images_per_cluster_from_scratch: the same from random weights.
        rotation_weight: weight of the rotation loss, where there is one.
        prior_weight: of DVML's divergence, in both of its phases.
        learning_rate: of Adam, in all training.
        min_area: smallest share of an image that the augmentation keeps.
        widths: channels of the blocks of the backbone.
        num_classes: classes of each split, `None` for all.
        images_per_class: images of each class, `None` for all.
        validation: whether to score on classes cut from the train split.
    """

    pretraining_steps: int = 500
    steps: int = 600
    steps_per_round: int = 100
    images_per_cluster: int = 3
    images_per_cluster_from_scratch: int = 10
    rotation_weight: float = 0.3
    prior_weight: float = 0.01
    learning_rate: float = 1e-3
    min_area: float = 0.7
    widths: tuple[int, ...] = (16, 32, 64, 128)
    num_classes: int | None = None
    images_per_class: int | None = None
    validation: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        group: its part of the table.
        baseline: the row it is compared with, or `None`.
        loss: key of `LOSSES`, or `None` where nothing is trained.
        model: arguments of `DVML`, or of `UDML` without labels; `None` for an
            `EmbeddingModel`.
        phases: how many of DVML's phases, beginning with the first.
        settings: those that have the row.
    """

    group: str
    baseline: str | None = None
    loss: str | None = None
    model: dict | None = None
    phases: int = 2
    settings: tuple[str, ...] = SETTINGS


def _ablation(phases=2, **model):
    return Row("ablations", "triplet + DVML", "triplet", model, phases)


def _unlabelled(baseline="UDML without rotation", **model):
    return Row("unsupervised", baseline, "multi-similarity", model, phases=1)


ROWS = {
    "raw pixels": Row("baselines", settings=("from scratch",)),
    "untrained": Row("baselines", settings=("from scratch",)),
    "pretrained, as it was": Row("baselines", settings=("adapted",)),
    **{name: Row("supervised", loss=name) for name in LOSSES},
    **{
        f"{name} + DVML": Row("supervised", baseline=name, loss=name, model={})
        for name in LOSSES
    },
    "no divergence": _ablation(prior_weight=0.0),
    "no reconstruction": _ablation(reconstruction_weight=0.0),
    "no synthetic loss": _ablation(synthetic_weight=0.0),
    "1 draw": _ablation(num_samples=1),
    "phase 1 only": _ablation(phases=1),
    "UDML without rotation": _unlabelled(baseline=None, rotation_weight=0.0),
    "UDML-SS": _unlabelled(),
    "variational UDML-SS": _unlabelled("UDML-SS", variational=True),
    "rotation only": _unlabelled("UDML-SS"),
}


@functools.cache
def load_split(split, settings):
    """Returns (images, labels) of `pretrain`, or to train or to score on."""
    size = settings.num_classes, settings.images_per_class
    if split == "pretrain" or not settings.validation:
        return load_glyphs(split, "default", *size)
    images, labels = load_glyphs("train", "default", *size)
    classes = np.unique(labels)
    cut = classes[num_train_classes(len(classes), test_fraction=0.25)]
    chosen = labels < cut if split == "train" else labels >= cut
    return images[chosen], labels[chosen]


def augmentation(settings, coloured):
    """Returns a function of (image, seed) that crops, and may colour anew."""

    def augment(image, seed):
        seeds = tf.random.experimental.stateless_split(seed, 2)
        if coloured:
            image = kd.data.random_color(image, seeds[0], inverted=True)
        return kd.data.random_resized_crop(
            image, seeds[1], settings.min_area, mirrored=False
        )

    return augment


def labelled_batches(split, settings, steps_per_epoch, seed):
    """Returns batches of 16 classes x 5 images, augmented."""
    # The characters to pretrain on have no colours; among the others labels
    # tell that colour says nothing.
    coloured = split == "pretrain"
    images, labels = load_split(split, settings)
    return kd.data.balanced_batches(
        images,
        labels,
        steps_per_epoch=steps_per_epoch,
        augment=augmentation(settings, coloured),
        seed=seed,
        replacement=True,
    )


def compiled(model, loss, settings):
    """Returns the model, ready to be trained."""
    model.compile(keras.optimizers.Adam(settings.learning_rate), loss=loss)
    return model


def pretrain(backbone, settings, seed):
    """Trains a backbone with labels on characters of another world."""
    model = kd.models.EmbeddingModel(backbone)
    batches = labelled_batches(
        "pretrain", settings, settings.pretraining_steps, seed
    )
    loss = LOSSES["multi-similarity"]()
    compiled(model, loss, settings).fit(batches, verbose=0)


def train_with_labels(backbone, row, settings, seed):
    """Returns the model that a row trains with labels."""
    if row.model is None:
        model = kd.models.EmbeddingModel(backbone)
    else:
        model = kd.models.DVML(
            backbone,
            seed=seed,
            **{"prior_weight": settings.prior_weight, **row.model},
        )
    batches = labelled_batches(
        "train", settings, settings.steps_per_round, seed
    )
    num_epochs = settings.steps // settings.steps_per_round
    callbacks = []
    if row.model is not None and row.phases == 2:
        callbacks = [kd.training.PhaseSchedule(num_epochs // 2)]
    compiled(model, LOSSES[row.loss](), settings).fit(
        batches, epochs=num_epochs, callbacks=callbacks, verbose=0
    )
    return model


def train_without_labels(backbone, setting, name, settings, seed):
    """Returns the model that a row trains on clusters."""
    images, _ = load_split("train", settings)
    terms = {"rotation_weight": settings.rotation_weight, **ROWS[name].model}
    if terms.get("variational"):
        terms["prior_weight"] = settings.prior_weight
    model = kd.models.UDML(backbone, **terms)
    if setting == "adapted":
        images_per_cluster = settings.images_per_cluster
    else:
        images_per_cluster = settings.images_per_cluster_from_scratch
    pseudo = kd.training.PseudoLabels(
        images,
        num_clusters=len(images) // images_per_cluster,
        every=1,
        seed=seed,
    )
    loss = LOSSES[ROWS[name].loss]()
    if name == "rotation only":
        loss = nothing_of
    compiled(model, loss, settings).fit(
        pseudo.batches(
            steps_per_epoch=settings.steps_per_round,
            # Or k-means would group colours.
            augment=augmentation(settings, coloured=True),
        ),
        epochs=settings.steps // settings.steps_per_round,
        callbacks=[pseudo],
        verbose=0,
    )
    return model


def nothing_of(labels, embeddings):
    """A metric loss that is always 0."""
    return 0.0 * tf.reduce_sum(embeddings)


def embeddings_of(setting, name, settings, seed, pretrained_path):
    """Returns the embeddings of the images to score on, and their labels."""
    images, labels = load_split("test", settings)
    if name == "raw pixels":
        return images.reshape(len(images), -1).astype(np.float32), labels
    keras.utils.set_random_seed(seed)
    backbone = kd.models.conv_backbone(IMAGE_SIZE, settings.widths)
    if name == "pretrained, as it was":
        pretrain(backbone, settings, seed)
        backbone.save_weights(pretrained_path)
    elif setting == "adapted":
        backbone.load_weights(pretrained_path)
        kd.models.freeze_batch_norm(backbone)
    if ROWS[name].group != "baselines":
        keras.utils.set_random_seed(seed)
        if ROWS[name].group == "unsupervised":
            model = train_without_labels(
                backbone, setting, name, settings, seed
            )
        else:
            model = train_with_labels(backbone, ROWS[name], settings, seed)
        if name != "rotation only":
            return model.predict(images, verbose=0), labels
    # What no metric loss has shaped is judged by its pooled feature. Any
    # model scales the images; the feature is its backbone's.
    model = kd.models.EmbeddingModel(backbone)
    batches = kd.data.image_batches(images)
    return np.concatenate([model.features(batch) for batch in batches]), labels


def scores_of(setting, name, settings, seed, pretrained_path):
    """Does one run; returns a dict of scores in 0..1."""
    keras.backend.clear_session()
    embeddings, labels = embeddings_of(
        setting, name, settings, seed, pretrained_path
    )
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return kd.evaluation.evaluate_retrieval(
        embeddings / norms, labels, ks=(1, 2, 4, 8), progress=False
    )
