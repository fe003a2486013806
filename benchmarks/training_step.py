"""What a training step of DVML and of UDML costs beside the plain model's.

    python benchmarks/training_step.py

Cost: about four minutes on two CPU cores.

All train on one batch of 80 images, 16 classes of 5. DVML draws 20 samples;
the triplet semi-hard loss. UDML turns 16 of the images, so that (80 + 48) / 80
= 1.6 times as many go through the backbone; the multi-similarity loss. The
plain model's step, with the same loss, takes turns with the other, so that a
change in the machine's speed meets both; the ratio is the median over pairs.
"""

import argparse
import functools
import os
import statistics
import time
import typing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import figures
import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd

IMAGES, TURNED = 80, 16
UNTIMED = 3


class Contest(typing.NamedTuple):
    """A model, the loss that it and the plain one have, and what is aimed at.

    Attributes:
        model: callable from a backbone.
        loss: callable without arguments.
        bar: float. What a step may cost as a multiple of the plain model's.
    """

    model: typing.Callable
    loss: typing.Callable
    bar: float


CONTESTS = {
    "DVML": Contest(
        kd.models.DVML,
        functools.partial(kd.losses.TripletSemiHardLoss, margin=0.2),
        bar=1.15,
    ),
    "UDML": Contest(
        functools.partial(kd.models.UDML, rotation_batch=TURNED),
        kd.losses.MultiSimilarityLoss,
        # A twentieth beyond the images that it adds.
        bar=1.05 * (IMAGES + 3 * TURNED) / IMAGES,
    ),
}
# Side of the images, backbone, pairs of steps.
BACKBONES = {
    "CNN of 4 blocks, 48x48": (48, lambda: kd.models.conv_backbone(48), 40),
    "MobileNetV2, 96x96": (
        96,
        lambda: keras.applications.MobileNetV2(
            include_top=False,
            pooling="avg",
            weights=None,
            input_shape=(96, 96, 3),
        ),
        12,
    ),
}


def make_step(model, loss):
    """Returns a training step as a traced function of a batch."""
    model.compile("adam", loss=loss)
    model.optimizer.build(model.trainable_variables)
    return tf.function(model.train_step)


def seconds_of(step, batch):
    """Returns how long a step takes, its results read."""
    start = time.perf_counter()
    for value in step(batch).values():
        value.numpy()
    return time.perf_counter() - start


def measure(contest, backbone, num_pairs):
    """Returns milliseconds of the plain step and of the other, and the ratio.

    Args:
        contest: `Contest`.
        backbone: key of `BACKBONES`.
        num_pairs: int, or `None` for those of the backbone.
    """
    size, make_backbone, usual_pairs = BACKBONES[backbone]
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, size, size, 3)).astype(np.uint8)
    batch = tf.constant(images), tf.constant(np.repeat(np.arange(16), 5))
    steps = [
        make_step(model(make_backbone()), contest.loss())
        for model in (kd.models.EmbeddingModel, contest.model)
    ]
    pairs = [
        [seconds_of(step, batch) for step in steps]
        for _ in range(UNTIMED + (num_pairs or usual_pairs))
    ][UNTIMED:]
    plain, other = (
        1e3 * statistics.median(one) for one in zip(*pairs, strict=True)
    )
    return plain, other, statistics.median(two / one for one, two in pairs)


def main():
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pairs", type=int, help="of steps, instead of 40 and of 12"
    )
    figures.add_argument(parser)
    arguments = parser.parse_args()
    record = figures.Record(arguments.json)
    record.header(
        *("TensorFlow", "model", "backbone", "plain, ms", "model's, ms"),
        *("ratio", "aim"),
    )
    for name, contest in CONTESTS.items():
        for backbone in BACKBONES:
            plain, ours, ratio = measure(contest, backbone, arguments.pairs)
            record.row(
                *(tf.__version__, name, backbone, f"{plain:.1f}"),
                *(f"{ours:.1f}", f"{ratio:.2f}", f"{contest.bar:.2f}"),
            )
            record.figure(
                f"step of {name}, TensorFlow {tf.__version__}, beside the "
                "plain model's",
                backbone,
                ours=ours,
                floor=plain,
                unit="ms",
                against="floor",
                ratio=ratio,
                bar=contest.bar,
            )
    record.save()


if __name__ == "__main__":
    main()
