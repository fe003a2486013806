r"""What a step of training costs: of Keras' own, plain, of DVML and of UDML.

    python benchmarks/training_step.py
    python benchmarks/training_step.py --pythons .venv/bin/python \
        .venv-keras2/bin/python

Cost: two minutes an environment on two CPU cores.

Each step is what `fit` runs, on one batch of 80 images, 16 classes of 5:

- keras.Model: the same layers as the plain model's in a functional model,
  under Keras' own `train_step`;
- fused: that with TensorFlow's one operation for a batch norm in training, in
  place of what the layer of Keras computes;
- plain: `EmbeddingModel`;
- the model: DVML draws 20 samples, its loss is triplet semi-hard. UDML turns 16
  of the images, so that (80 + 48) / 80 = 1.6 times as many go through the
  backbone; multi-similarity. All of a row have its loss.

Each interpreter of `--pythons` has a process of its own. Processes take turns,
within a turn the steps of one, in another order each time, so that a change in
the machine's speed meets all; ratios are medians over turns.
"""

import argparse
import functools
import json
import os
import random
import statistics
import subprocess
import sys
import time
import typing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import figures
import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd

IMAGES, TURNED, DIM = 80, 16, 128
UNTIMED = 3
# What the plain step may cost as a multiple of Keras' own.
PLAIN_BAR = 1.02


class Contest(typing.NamedTuple):
    """A model, the loss that all of its rows have, and what is aimed at.

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
# Side of the images, backbone, turns.
BACKBONES = {
    "CNN of 4 blocks, 48x48": (48, lambda: kd.models.conv_backbone(48), 60),
    "MobileNetV2, 96x96": (
        96,
        lambda: keras.applications.MobileNetV2(
            include_top=False,
            pooling="avg",
            weights=None,
            input_shape=(96, 96, 3),
        ),
        15,
    ),
}
STEPS = ("keras.Model", "fused", "plain", "model's")


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, with TensorFlow's one operation in training."""

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, now in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs


def fused(backbone):
    """Returns a copy of a backbone with the batch norm above."""

    def copied(layer):
        kind = type(layer)
        if kind is keras.layers.BatchNormalization:
            kind = FusedBatchNormalization
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(backbone, clone_function=copied)


def keras_model(backbone):
    """Returns the layers of the plain model as Keras' own model."""
    images = keras.Input(backbone.input_shape[1:])
    features = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    embeddings = keras.layers.Dense(DIM)(backbone(features))
    return keras.Model(images, keras.layers.UnitNormalization()(embeddings))


def make_step(model, loss, batch):
    """Returns the step that `fit` runs, as a function without arguments."""
    model.compile("adam", loss=loss)
    model.optimizer.build(model.trainable_variables)
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    model.make_train_function()
    return lambda: model.train_function(batches)


def seconds_of(step):
    """Returns how long a step takes, its results read."""
    start = time.perf_counter()
    for value in step().values():
        value.numpy()
    return time.perf_counter() - start


def serve(name, backbone):
    """Takes a turn for each line on stdin; answers in JSON on stdout."""
    contest = CONTESTS[name]
    size, make_backbone, _ = BACKBONES[backbone]
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, size, size, 3))
    batch = (
        tf.constant(pixels.astype(np.uint8)),
        tf.constant(np.repeat(np.arange(16), 5)),
    )
    models = (
        keras_model(make_backbone()),
        keras_model(fused(make_backbone())),
        kd.models.EmbeddingModel(make_backbone(), DIM),
        contest.model(make_backbone()),
    )
    steps = {
        key: make_step(model, contest.loss(), batch)
        for key, model in zip(STEPS, models, strict=True)
    }
    for step in steps.values():
        for _ in range(UNTIMED):
            step()
    print(json.dumps(figures.environment()), flush=True)
    order = random.Random(0)
    for _ in sys.stdin:
        turn = {
            key: seconds_of(steps[key])
            for key in order.sample(STEPS, len(STEPS))
        }
        print(json.dumps(turn), flush=True)


def measure(pythons, name, backbone, num_turns):
    """Returns environment -> list of turns, seconds by step.

    Args:
        pythons: paths of interpreters.
        name: key of `CONTESTS`.
        backbone: key of `BACKBONES`.
        num_turns: int, or `None` for those of the backbone.
    """
    processes = [
        subprocess.Popen(
            [python, __file__, "--serve", name, backbone],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for python in pythons
    ]
    try:
        # Nobody's tracing falls into another's turn.
        environments = [_answer(process) for process in processes]
        turns = {environment: [] for environment in environments}
        for _ in range(num_turns or BACKBONES[backbone][2]):
            for environment, process in zip(
                environments, processes, strict=True
            ):
                process.stdin.write("turn\n")
                process.stdin.flush()
                turns[environment].append(_answer(process))
    finally:
        for process in processes:
            process.stdin.close()
            process.wait()
    return turns


def _answer(process):
    return json.loads(process.stdout.readline())


def add_row(record, environment, name, backbone, turns):
    """Adds an environment's row of a contest, and what has a bar."""

    def milliseconds(step):
        return 1e3 * statistics.median(turn[step] for turn in turns)

    def ratio(step, other):
        return statistics.median(turn[step] / turn[other] for turn in turns)

    def beside(claim, step, other, bar):
        record.figure(
            claim,
            f"{backbone}, {name}'s loss",
            ours=milliseconds(step),
            floor=milliseconds(other),
            unit="ms",
            against="floor",
            ratio=ratio(step, other),
            bar=bar,
            environment=environment,
        )

    bar = CONTESTS[name].bar
    record.row(
        *(name, backbone, *(f"{milliseconds(step):.1f}" for step in STEPS)),
        f"{ratio('fused', 'keras.Model'):.2f}",
        *(f"{ratio('plain', 'keras.Model'):.3f}", f"{PLAIN_BAR:.2f}"),
        *(f"{ratio(STEPS[-1], 'plain'):.2f}", f"{bar:.2f}"),
        environment=environment,
    )
    beside(
        "the plain model's step beside Keras' own",
        *("plain", "keras.Model", PLAIN_BAR),
    )
    beside(
        f"step of {name} beside the plain model's", *(STEPS[-1], "plain", bar)
    )


def main():
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--turns", type=int, help="instead of 60 and of 15 a row"
    )
    parser.add_argument(
        "--pythons", nargs="+", metavar="PATH", default=[sys.executable]
    )
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    figures.add_argument(parser)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(*arguments.serve)
        return
    record = figures.Record(arguments.json)
    record.header(
        *("model", "backbone", *(f"{step}, ms" for step in STEPS)),
        *("fused / keras.Model", "plain / keras.Model", "aim"),
        *("model's / plain", "aim"),
    )
    for name in CONTESTS:
        for backbone in BACKBONES:
            measured = measure(
                arguments.pythons, name, backbone, arguments.turns
            )
            for environment, turns in measured.items():
                add_row(record, environment, name, backbone, turns)
    record.save()


if __name__ == "__main__":
    main()
