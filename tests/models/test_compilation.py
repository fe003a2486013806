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
    "UDML": lambda: kd.models.UDML(
        kd.models.conv_backbone(16, widths=(4, 8)), embedding_dim=8
    ),
    "VariationalUDML": lambda: kd.models.UDML(
        kd.models.conv_backbone(16, widths=(4, 8)),
        embedding_dim=8,
        variational=True,
        num_samples=3,
        seed=0,
    ),
}
LOSSES = sorted(
    name
    for name in vars(kd.losses)
    if name.endswith("Loss") and name not in ("MetricLoss", "ProxyLoss")
)


def losses(*usual):
    """Every loss; those that are not usual only where there is time.

    By itself each is compiled in the tests of losses.
    """
    return pytest.mark.parametrize(
        "loss",
        [
            pytest.param(one, marks=() if one in usual else pytest.mark.slow)
            for one in LOSSES
        ],
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


@losses("ProxyAnchorLoss", "TripletSemiHardLoss")
def test_compiled_step_equals_eager_over_every_loss(loss, tiny_images):
    kind = "DVML" if loss == "TripletSemiHardLoss" else "EmbeddingModel"
    compiled = losses_of_two_steps(
        kind, make_loss(loss), *tiny_images, jit_compile=True
    )
    eager = losses_of_two_steps(
        kind, make_loss(loss), *tiny_images, run_eagerly=True
    )
    np.testing.assert_allclose(compiled, eager, rtol=1e-3)


@pytest.mark.parametrize("kind", ["UDML", "VariationalUDML"])
def test_compiled_step_with_turned_images_equals_eager(kind, tiny_images):
    loss = kd.losses.MultiSimilarityLoss()
    compiled, eager = (
        losses_of_two_steps(kind, loss, *tiny_images, **how)
        for how in ({"jit_compile": True}, {"run_eagerly": True})
    )
    np.testing.assert_allclose(compiled, eager, rtol=1e-3)


@losses("ProxyAnchorLoss", "MultiSimilarityLoss")
def test_turned_images_leave_every_loss_as_it_is(loss, tiny_images):
    # Batch norm sees the turned images too: at inference it does not matter.
    keras.utils.set_random_seed(0)
    model = MODELS["UDML"]()
    plain = kd.models.EmbeddingModel(model.backbone, embedding_dim=8)
    plain.head.set_weights(model.head.get_weights())
    measured = []
    for one in (model, plain):
        one.compile("adam", loss=make_loss(loss))
        terms = one.loss_terms(*tiny_images, training=False)
        measured.append(float(terms["metric"].value))
    assert measured[0] == pytest.approx(measured[1], rel=1e-5)


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
