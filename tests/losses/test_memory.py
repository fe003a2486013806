"""Losses over pairs take memory of the order of the batch squared."""

import pytest

CODE = """
import resource, sys
import numpy as np, tensorflow as tf
import keras_dvml as kd

loss = getattr(kd.losses, sys.argv[1])()
labels = tf.constant(np.arange(4096) // 4)
embeddings = tf.math.l2_normalize(tf.random.normal((4096, 128)), axis=1)

@tf.function(jit_compile=sys.argv[2] == "xla")
def step(labels, embeddings):
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(labels, embeddings)
    return tape.gradient(value, embeddings)

# Kilobytes on Linux.
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
step(labels, embeddings)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["graph", "xla"])
@pytest.mark.parametrize("name", ["TripletSemiHardLoss", "AngularLoss"])
def test_a_batch_of_4096_takes_less_than_2_gib(name, compiler, run_python):
    gibibytes = run_python(CODE, name, compiler).split()[-1]
    assert float(gibibytes) < 2.0
