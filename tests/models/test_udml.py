"""UDML: which images are turned, what each term trains, what is kept."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.keras_versions import tf_variables

DVML_TERMS = ["prior", "reconstruction", "synthetic", "invariant"]
both_kinds = pytest.mark.parametrize(
    "variational", [False, True], ids=["plain", "variational"]
)


def make_model(variational=False, **arguments):
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    if variational:
        arguments = {"num_samples": 3, "seed": 0, **arguments}
    model = kd.models.UDML(
        backbone, embedding_dim=8, variational=variational, **arguments
    )
    model.compile("adam", loss=kd.losses.MultiSimilarityLoss())
    return model


def images_seen_by(model, images, labels, monkeypatch):
    """Returns what each pass through the backbone was given."""
    seen, features = [], model.features

    def spy(images, training=False):
        seen.append(np.asarray(images))
        return features(images, training=training)

    monkeypatch.setattr(model, "features", spy)
    model.loss_terms(images, labels, training=True)
    return seen


def turned_by_numpy(images):
    return np.concatenate([np.rot90(images, t, (1, 2)) for t in range(4)])


@both_kinds
def test_one_pass_over_the_batch_and_three_turns(
    variational, tiny_images, monkeypatch
):
    images, labels = tiny_images
    model = make_model(variational, rotation_batch=8)
    (seen,) = images_seen_by(model, images, labels, monkeypatch)
    np.testing.assert_array_equal(seen[:40], images)
    # 8 classes of 5 images, one after the other: the first of each class.
    turned = turned_by_numpy(images[::5])[8:]
    np.testing.assert_array_equal(seen[40:], turned)


def test_turned_images_are_spread_over_the_batch(tiny_images, monkeypatch):
    images, labels = tiny_images
    model = make_model(rotation_batch=3)
    (seen,) = images_seen_by(model, images, labels, monkeypatch)
    # 40 / 3 = 13.3 apart, rounded down: 0, 13, 26, of classes 0, 2 and 5.
    turned = turned_by_numpy(images[[0, 13, 26]])[3:]
    np.testing.assert_array_equal(seen[40:], turned)


def test_all_of_a_batch_smaller_than_the_rotation_batch_is_turned(
    tiny_images, monkeypatch
):
    images, labels = tiny_images[0][:6], tiny_images[1][:6]
    model = make_model(rotation_batch=16)
    (seen,) = images_seen_by(model, images, labels, monkeypatch)
    np.testing.assert_array_equal(seen, turned_by_numpy(images))


@both_kinds
def test_rotation_term_equals_a_loop(variational, tiny_images):
    images, labels = tiny_images
    model = make_model(variational, rotation_batch=8)
    terms = model.loss_terms(images, labels, training=False)
    losses = []
    for image in images[::5]:
        for turn in range(4):
            turned = np.rot90(image, turn)[None]
            features = model.features(turned, training=False)
            logits = np.asarray(model.rotation_head(features))[0]
            losses.append(np.log(np.exp(logits).sum()) - logits[turn])
    assert len(losses) == 32
    np.testing.assert_allclose(
        terms["rotation"].value, np.mean(losses), rtol=1e-5
    )


def parts_reached_by(model, batch, term):
    """Names of the parts to which a term gives a gradient that is not 0."""
    parts = {
        "backbone": model.backbone.trainable_variables,
        "head": model.head.trainable_variables,
        "rotation_head": model.rotation_head.trainable_variables,
    }
    if isinstance(model, kd.models.DVML):
        parts["decoder"] = model.decoder.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        value = model.loss_terms(*batch, training=True)[term].value
    reached = set()
    for part, variables in parts.items():
        gradients = tape.gradient(value, tf_variables(variables))
        if any(g is not None and np.any(g != 0.0) for g in gradients):
            reached.add(part)
    return reached


@both_kinds
def test_rotation_trains_its_head_and_the_backbone(variational, tiny_images):
    reached = parts_reached_by(make_model(variational), tiny_images, "rotation")
    assert reached == {"backbone", "rotation_head"}


def test_metric_term_trains_the_embedding_and_the_backbone(tiny_images):
    reached = parts_reached_by(make_model(), tiny_images, "metric")
    assert reached == {"backbone", "head"}


@pytest.mark.parametrize("phase", [1, 2])
@pytest.mark.parametrize("term", DVML_TERMS)
def test_terms_of_dvml_train_what_they_train_in_dvml(phase, term, tiny_images):
    model = make_model(variational=True)
    model.set_phase(phase)
    expected = {"backbone", "head"}
    if term == "reconstruction":
        expected = {"decoder"} if phase == 1 else {"decoder", *expected}
    assert parts_reached_by(model, tiny_images, term) == expected


@both_kinds
def test_without_rotation_it_is_the_model_beneath(variational, tiny_images):
    def trained(make):
        keras.utils.set_random_seed(0)
        model = make(kd.models.conv_backbone(16, widths=(4, 8)))
        model.compile("adam", loss=kd.losses.MultiSimilarityLoss())
        history = model.fit(
            *tiny_images, batch_size=20, shuffle=False, epochs=2, verbose=0
        ).history
        return history, model

    def udml(backbone):
        arguments = {"seed": 0} if variational else {}
        return kd.models.UDML(
            backbone, 8, rotation_weight=0, variational=variational, **arguments
        )

    def beneath(backbone):
        if variational:
            return kd.models.DVML(backbone, 8, seed=0)
        return kd.models.EmbeddingModel(backbone, 8)

    history, model = trained(udml)
    expected_history, expected_model = trained(beneath)
    assert model.rotation_head is None
    assert history.keys() == expected_history.keys()
    for term, losses in history.items():
        assert losses == pytest.approx(expected_history[term], rel=1e-6)
    for one, other in zip(
        model.get_weights(), expected_model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-7)


def test_without_rotation_no_image_is_turned(tiny_images, monkeypatch):
    model = make_model(rotation_weight=0)
    (seen,) = images_seen_by(model, *tiny_images, monkeypatch)
    np.testing.assert_array_equal(seen, tiny_images[0])


def test_loss_is_the_weighted_sum_of_its_terms(tiny_images):
    model = make_model(rotation_weight=0.3)
    history = model.fit(*tiny_images, batch_size=40, verbose=0).history
    assert history["loss"][0] == pytest.approx(
        history["metric_loss"][0] + 0.3 * history["rotation_loss"][0], rel=1e-5
    )


def test_turns_are_learned_where_images_have_an_upper_side():
    random = np.random.default_rng(0)
    images = random.integers(0, 100, (40, 16, 16, 3))
    images[:, :8] += 150
    model = make_model(rotation_weight=1.0)
    model.compile(
        keras.optimizers.Adam(0.01), loss=kd.losses.MultiSimilarityLoss()
    )
    history = model.fit(
        images.astype(np.uint8),
        np.arange(40) % 8,
        batch_size=40,
        epochs=40,
        verbose=0,
    ).history["rotation_loss"]
    # From about log 4, knowing nothing, to well below log 2: telling upright
    # from lying alone would give that.
    assert history[0] == pytest.approx(np.log(4), abs=0.3)
    assert history[-1] < 0.3


@both_kinds
def test_summary_shows_every_part_once(variational):
    lines = []
    make_model(variational).summary(
        print_fn=lambda line, **_: lines.append(line)
    )
    text = "\n".join(lines)
    assert text.count("conv_backbone") == 1
    assert text.count("rotation_head") == 1


@both_kinds
def test_config_rebuilds_the_model(variational):
    arguments = {"prior_weight": 0.5, "seed": 3} if variational else {}
    model = make_model(
        variational,
        rotation_weight=0.3,
        rotation_batch=4,
        num_samples=5,
        head_rate=10.0,
        name="birds",
        **arguments,
    )
    config = model.get_config()
    expected = {
        "embedding_dim": 8,
        "rotation_weight": 0.3,
        "rotation_batch": 4,
        "variational": variational,
        "num_samples": 5,
        "head_rate": 10.0,
        "name": "birds",
    }
    assert expected.items() <= config.items()
    for kind in (kd.models.UDML, type(model)):
        rebuilt = kind.from_config(model.get_config())
        assert type(rebuilt) is type(model)
        assert rebuilt.get_config() == model.get_config()


def test_phase_schedule_drives_the_variational_kind(tiny_images):
    model = make_model(variational=True)
    schedule = kd.training.PhaseSchedule(release_decoder_at=1)
    model.fit(
        *tiny_images, batch_size=40, epochs=2, verbose=0, callbacks=[schedule]
    )
    assert float(model.phase.numpy()) == 2.0
    weights = {
        name: float(term.weight)
        for name, term in model.loss_terms(*tiny_images, training=True).items()
    }
    # DVML's of phase 2, and the rotation's own.
    assert weights == pytest.approx(
        {
            "prior": 0.01,
            "reconstruction": 1.0,
            "synthetic": 0.2,
            "invariant": 0.8,
            "rotation": 0.1,
        }
    )


def test_phase_schedule_refuses_the_plain_kind(tiny_images):
    schedule = kd.training.PhaseSchedule(release_decoder_at=1)
    with pytest.raises(TypeError, match="needs a model with phases"):
        make_model().fit(*tiny_images, verbose=0, callbacks=[schedule])


def test_variational_kind_generates(tiny_images):
    model = make_model(variational=True)
    assert model.generate(tiny_images[0], 5).shape == (5, 40, 8)


def test_both_kinds_are_udml_and_what_is_beneath():
    assert isinstance(make_model(False), kd.models.EmbeddingModel)
    assert isinstance(make_model(True), kd.models.DVML)
    for variational in (False, True):
        assert isinstance(make_model(variational), kd.models.UDML)


def test_subclass_says_what_it_stands_on(tiny_backbone, tiny_images):
    class Counting(kd.models.UDML, kd.models.EmbeddingModel):
        steps = 0

        def train_step(self, data):
            Counting.steps += 1
            return super().train_step(data)

    model = Counting(tiny_backbone, 8)
    model.compile("adam", loss=kd.losses.NPairLoss(), run_eagerly=True)
    model.fit(*tiny_images, batch_size=20, verbose=0)
    assert Counting.steps == 2

    class Groundless(kd.models.UDML):
        pass

    with pytest.raises(TypeError, match=r"class Groundless\(UDML, Embedding"):
        Groundless(tiny_backbone, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rotation_weight": -0.1}, "rotation_weight must be >= 0; rec.*-0.1"),
        (
            {"rotation_batch": 0},
            "rotation_batch must be at least 1.*received 0",
        ),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_model(**arguments)


def test_backbone_of_images_that_are_not_square_is_refused():
    images = keras.Input((32, 64, 3))
    backbone = keras.Model(
        images, keras.layers.GlobalAveragePooling2D()(images)
    )
    with pytest.raises(ValueError, match="square images.*32, 64, 3"):
        kd.models.UDML(backbone)
    # Nothing is turned, nothing needs to be square.
    kd.models.UDML(backbone, rotation_weight=0)
