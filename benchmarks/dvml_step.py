"""What DVML's training step costs beside the plain model's.

    python benchmarks/dvml_step.py

Cost: about two minutes on two CPU cores.

Both models train on one batch of 80 images, 16 classes of 5, over the triplet
semi-hard loss; DVML draws 20 samples. The two steps take turns, so that a
change in the machine's speed meets both; the ratio is the median over pairs.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import figures
import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd

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
# What a step may cost as a multiple of the plain model's.
BAR = 1.15


def make_step(model_class, make_backbone):
    """Returns a training step as a traced function of a batch."""
    model = model_class(make_backbone(), embedding_dim=128)
    model.compile("adam", loss=kd.losses.TripletSemiHardLoss(margin=0.2))
    model.optimizer.build(model.trainable_variables)
    return tf.function(model.train_step)


def seconds_of(step, batch):
    """Returns how long a step takes, its results read."""
    start = time.perf_counter()
    for value in step(batch).values():
        value.numpy()
    return time.perf_counter() - start


def main():
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pairs", type=int, help="of steps, instead of 40 and of 12"
    )
    figures.add_argument(parser)
    arguments = parser.parse_args()
    record = figures.Record(arguments.json)
    record.header("backbone", "plain, ms", "DVML, ms", "ratio")
    for name, (size, make_backbone, num_pairs) in BACKBONES.items():
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (80, size, size, 3)).astype(np.uint8)
        batch = tf.constant(images), tf.constant(np.repeat(np.arange(16), 5))
        plain = make_step(kd.models.EmbeddingModel, make_backbone)
        dvml = make_step(kd.models.DVML, make_backbone)
        pairs = [
            (seconds_of(plain, batch), seconds_of(dvml, batch))
            for _ in range((arguments.pairs or num_pairs) + 3)
        ][3:]
        medians = [
            1e3 * statistics.median(one) for one in zip(*pairs, strict=True)
        ]
        ratio = statistics.median(two / one for one, two in pairs)
        record.row(name, *(f"{one:.1f}" for one in medians), f"{ratio:.2f}")
        record.figure(
            "training step beside the plain model's",
            name,
            ours=medians[1],
            floor=medians[0],
            unit="ms",
            against="floor",
            ratio=ratio,
            bar=BAR,
        )
    record.save()


if __name__ == "__main__":
    main()
