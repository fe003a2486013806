"""One call for what every layer must do."""

import json

import pytest

LOAD = """
import sys
import keras, numpy as np, tensorflow as tf
import keras_dvml.layers
model = keras.models.load_model(sys.argv[1] + "/model.keras")
inputs = list(np.load(sys.argv[1] + "/inputs.npz").values())
outputs = tf.nest.flatten(model.predict(inputs, verbose=0))
np.savez(sys.argv[1] + "/outputs.npz", *outputs)
"""


@pytest.fixture
def run_layer_test(tmp_path, run_forked):
    """Tests config, shapes, dtypes, weights, a fit, and a file of a layer.

    The numbers of weights are those that are trained and those that are not.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    def run(kind, arguments, input_shapes, output_shapes, num_weights):
        layer = kind(**arguments)
        config = layer.get_config()
        assert arguments.items() <= config.items()
        rebuilt = kind.from_config(json.loads(json.dumps(config)))
        assert rebuilt.get_config() == config

        random = np.random.default_rng(0)
        inputs = [
            random.uniform(size=shape).astype(np.float32)
            for shape in input_shapes
        ]
        outputs = tf.nest.flatten(layer(*inputs))
        assert [tuple(output.shape) for output in outputs] == output_shapes
        assert {output.dtype for output in outputs} == {tf.float32}
        assert num_weights == (
            len(layer.trainable_weights),
            len(layer.non_trainable_weights),
        )

        symbolic = [keras.Input(shape[1:]) for shape in input_shapes]
        # Where draws come before the batch: that of the first draw.
        values = [
            output if shape[0] == len(inputs[0]) else output[0]
            for output, shape in zip(
                tf.nest.flatten(layer(*symbolic)), output_shapes, strict=True
            )
        ]
        model = keras.Model(
            symbolic, [keras.layers.Dense(2)(v) for v in values]
        )
        model.compile("adam", loss=["mse"] * len(values))
        targets = [
            np.zeros((len(inputs[0]), *v.shape[1:-1], 2)) for v in values
        ]
        before = [weight.numpy() for weight in layer.trainable_weights]
        history = model.fit(
            inputs, targets, batch_size=len(inputs[0]), verbose=0
        ).history
        assert np.isfinite(history["loss"]).all()
        for weight, old in zip(layer.trainable_weights, before, strict=True):
            assert (weight.numpy() != old).any(), weight.name

        model.save(tmp_path / "model.keras")
        np.savez(tmp_path / "inputs.npz", *inputs)
        run_forked(LOAD, tmp_path)
        loaded = np.load(tmp_path / "outputs.npz").values()
        expected = tf.nest.flatten(model.predict(inputs, verbose=0))
        for actual, wanted in zip(loaded, expected, strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-5)

    return run
