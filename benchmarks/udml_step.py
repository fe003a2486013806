"""What UDML's training step costs beside the plain model's.

    python benchmarks/udml_step.py

Cost: about two minutes on two CPU cores.

Both models train on one batch of 80 images, 16 classes of 5, over the
multi-similarity loss; UDML turns 16 of them, so that (80 + 48) / 80 = 1.6
times as many images go through the backbone. Prints, for each backbone, the
medians of both steps in milliseconds and their ratio, and that ratio over
1.6: what the rotation costs beyond its images. The two steps take turns, so
that a change in the machine's speed meets both; ratios are medians over pairs.
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

IMAGES, TURNED = 80, 16
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
# What a step may cost beyond its images, which are 1.6 times as many.
BAR = 1.05


def make_step(model):
    """Returns a training step as a traced function of a batch."""
    model.compile("adam", loss=kd.losses.MultiSimilarityLoss())
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
    more_images = (IMAGES + 3 * TURNED) / IMAGES
    record = figures.Record(arguments.json)
    record.header(
        *("backbone", "plain, ms", "UDML, ms", "ratio"),
        f"ratio / {more_images}",
    )
    for name, (size, make_backbone, num_pairs) in BACKBONES.items():
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (IMAGES, size, size, 3))
        batch = (
            tf.constant(images.astype(np.uint8)),
            tf.constant(np.repeat(np.arange(16), 5)),
        )
        plain = make_step(kd.models.EmbeddingModel(make_backbone()))
        udml = make_step(kd.models.UDML(make_backbone(), rotation_batch=TURNED))
        pairs = [
            (seconds_of(plain, batch), seconds_of(udml, batch))
            for _ in range((arguments.pairs or num_pairs) + 3)
        ][3:]
        medians = [
            1e3 * statistics.median(one) for one in zip(*pairs, strict=True)
        ]
        ratio = statistics.median(two / one for one, two in pairs)
        record.row(
            *(name, *(f"{one:.1f}" for one in medians)),
            *(f"{ratio:.2f}", f"{ratio / more_images:.2f}"),
        )
        record.figure(
            f"training step, TensorFlow {tf.__version__}, beside the plain "
            "model's",
            name,
            ours=medians[1],
            floor=medians[0],
            unit="ms",
            against="floor",
            ratio=ratio,
            bar=BAR * more_images,
        )
    record.save()


if __name__ == "__main__":
    main()
