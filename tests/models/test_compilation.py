"""`compile(jit_compile=True)` trains as eager does, and nothing retraces."""

import keras
import numpy as np
import pytest

import keras_dvml as kd

MODELS = {
    "EmbeddingModel": lambda: kd.models.EmbeddingModel(
        kd.models.conv_backbone(16, widths=(4, 8)), embedding_dim=8
    ),
    "DVML": lambda: kd.models.DVML(
        kd.models.conv_backbone(16, widths=(4, 8)),
        embedding_dim=8,
        num_samples=3,
        seed=0,
    ),
}
LOSSES = sorted(
    name
    for name in vars(kd.losses)
    if name.endswith("Loss") and name not in ("MetricLoss", "ProxyLoss")
)


def make_loss(name):
    arguments = (
        {"num_classes": 8, "embedding_dim": 8} if "Proxy" in name else {}
    )
    return getattr(kd.losses, name)(**arguments)


def losses_of_two_steps(kind, loss, images, labels, **compile_arguments):
    keras.utils.set_random_seed(0)
    model = MODELS[kind]()
    model.compile(keras.optimizers.SGD(0.1), loss=loss, **compile_arguments)
    return model.fit(
        *(images, labels),
        batch_size=40,
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history["loss"]


@pytest.mark.parametrize("loss", LOSSES)
def test_compiled_step_equals_eager_over_every_loss(loss, tiny_images):
    kind = "DVML" if loss == "TripletSemiHardLoss" else "EmbeddingModel"
    compiled = losses_of_two_steps(
        kind, make_loss(loss), *tiny_images, jit_compile=True
    )
    eager = losses_of_two_steps(
        kind, make_loss(loss), *tiny_images, run_eagerly=True
    )
    np.testing.assert_allclose(compiled, eager, rtol=1e-3)


@pytest.mark.parametrize("kind", MODELS)
def test_steps_with_one_batch_size_trace_once(kind, tiny_images):
    traces = []

    def counted(labels, embeddings):
        traces.append(1)
        return kd.losses.n_pair_loss(labels, embeddings)

    model = MODELS[kind]()
    model.compile("adam", loss=counted)
    batches = kd.data.balanced_batches(*tiny_images, classes_per_batch=4)
    model.fit(batches, epochs=1, verbose=0)
    after_first = len(traces)
    model.fit(batches, epochs=3, verbose=0)
    assert len(traces) == after_first
