"""Small models of every kind, and what the terms of their losses reach."""

import pytest


@pytest.fixture(params=["EmbeddingModel", "DVML", "UDML", "VariationalUDML"])
def kind(request):
    return request.param


@pytest.fixture
def make_model():
    """Makes a small model of a kind on a backbone of its own."""
    import keras_dvml as kd

    def make(kind, backbone=None, **arguments):
        defaults = {"embedding_dim": 8}
        if kind in ("DVML", "VariationalUDML"):
            defaults |= {"num_samples": 3, "seed": 0}
        if kind == "VariationalUDML":
            kind, defaults["variational"] = "UDML", True
        if backbone is None:
            backbone = kd.models.conv_backbone(16, widths=(4, 8))
        return getattr(kd.models, kind)(backbone, **{**defaults, **arguments})

    return make


@pytest.fixture
def parts_reached_by():
    """Names the parts to which a term gives a finite gradient that is not 0."""
    import numpy as np
    import tensorflow as tf

    from keras_dvml.keras_versions import tf_variables

    def reached_by(term, model, images, labels):
        parts = {"backbone": model.backbone, "head": model.head}
        if hasattr(model, "decoder"):
            parts["decoder"] = model.decoder
            parts["invariant"] = model.head.invariant
            parts["mean"] = model.head.variation_mean
            parts["log_variance"] = model.head.variation_log_variance
            del parts["head"]
        if getattr(model, "rotation_head", None) is not None:
            parts["rotation_head"] = model.rotation_head
        with tf.GradientTape(persistent=True) as tape:
            value = model.loss_terms(images, labels, training=True)[term].value
        reached = set()
        for name, part in parts.items():
            variables = tf_variables(part.trainable_variables)
            for gradient in tape.gradient(value, variables):
                assert gradient is None or np.isfinite(gradient).all()
                if gradient is not None and np.any(gradient != 0.0):
                    reached.add(name)
        return reached

    return reached_by
