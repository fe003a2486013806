"""What DVML's training step costs beside the plain model's.

    python benchmarks/dvml_step.py

Cost: about two minutes on two CPU cores.

Both models train on one batch of 80 images, 16 classes of 5, over the triplet
semi-hard loss; DVML draws 20 samples. The two steps take turns, so that a
change in the machine's speed meets both; the ratio is the median over pairs.
"""

import statistics
import time

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
    print("| backbone | plain, ms | DVML, ms | ratio |\n|---|---|---|---|")
    for name, (size, make_backbone, num_pairs) in BACKBONES.items():
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (80, size, size, 3)).astype(np.uint8)
        batch = tf.constant(images), tf.constant(np.repeat(np.arange(16), 5))
        plain = make_step(kd.models.EmbeddingModel, make_backbone)
        dvml = make_step(kd.models.DVML, make_backbone)
        pairs = [
            (seconds_of(plain, batch), seconds_of(dvml, batch))
            for _ in range(num_pairs + 3)
        ][3:]
        medians = [statistics.median(one) for one in zip(*pairs, strict=True)]
        ratio = statistics.median(two / one for one, two in pairs)
        print(
            f"| {name} | {1e3 * medians[0]:.1f} | {1e3 * medians[1]:.1f} "
            f"| {ratio:.2f} |"
        )


if __name__ == "__main__":
    main()
