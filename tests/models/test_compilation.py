"""`compile(jit_compile=True)` trains as eager does, and nothing retraces."""

import keras
import numpy as np
import pytest

import keras_dvml as kd

LOSSES = sorted(
    name
    for name in kd.losses.__all__
    if name.endswith("Loss")
    and name not in ("MetricLoss", "PairLoss", "ProxyLoss")
)


def losses(*usual):
    """Every loss; those that are not usual only where there is time.

    By itself each is compiled in the tests of losses.
    """
    return pytest.mark.parametrize(
        "loss",
        [
            pytest.param(loss, marks=() if loss in usual else pytest.mark.slow)
            for loss in LOSSES
        ],
    )


def make_loss(name):
    loss = getattr(kd.losses, name)
    arguments = (8, 8) if issubclass(loss, kd.losses.ProxyLoss) else ()
    return loss(*arguments)


@pytest.fixture
def losses_of_two_steps(make_model, tiny_images):
    def run(kind, loss, **compile_arguments):
        keras.utils.set_random_seed(0)
        model = make_model(kind)
        model.compile(keras.optimizers.SGD(0.1), loss=loss, **compile_arguments)
        return model.fit(
            *tiny_images, batch_size=40, epochs=2, shuffle=False, verbose=0
        ).history["loss"]

    return run


@losses("ProxyAnchorLoss", "TripletSemiHardLoss")
def test_compiled_step_equals_eager_over_every_loss(loss, losses_of_two_steps):
    kind = "DVML" if loss == "TripletSemiHardLoss" else "EmbeddingModel"
    compiled = losses_of_two_steps(kind, make_loss(loss), jit_compile=True)
    eager = losses_of_two_steps(kind, make_loss(loss), run_eagerly=True)
    np.testing.assert_allclose(compiled, eager, rtol=1e-3)


@pytest.mark.parametrize("kind", ["UDML", "VariationalUDML"])
def test_compiled_step_with_turned_images_equals_eager(
    kind, losses_of_two_steps
):
    loss = kd.losses.MultiSimilarityLoss()
    compiled = losses_of_two_steps(kind, loss, jit_compile=True)
    eager = losses_of_two_steps(kind, loss, run_eagerly=True)
    np.testing.assert_allclose(compiled, eager, rtol=1e-3)


@losses("ProxyAnchorLoss", "MultiSimilarityLoss")
def test_turned_images_leave_every_loss_as_it_is(loss, make_model, tiny_images):
    # Batch norm sees the turned images too: at inference it does not matter.
    turning = make_model("UDML")
    plain = make_model("EmbeddingModel", turning.backbone)
    plain.head.set_weights(turning.head.get_weights())
    measured = []
    for model in (turning, plain):
        model.compile("adam", loss=make_loss(loss))
        terms = model.loss_terms(*tiny_images, training=False)
        measured.append(float(terms["metric"].value))
    assert measured[0] == pytest.approx(measured[1], rel=1e-5)


def test_steps_with_one_batch_size_trace_once(kind, make_model, tiny_images):
    traces = []

    def counted(labels, embeddings):
        traces.append(1)
        return kd.losses.n_pair_loss(labels, embeddings)

    model = make_model(kind)
    model.compile("adam", loss=counted)
    batches = kd.data.balanced_batches(*tiny_images, classes_per_batch=4)
    model.fit(batches, epochs=1, verbose=0)
    after_first = len(traces)
    model.fit(batches, epochs=3, verbose=0)
    assert len(traces) == after_first
