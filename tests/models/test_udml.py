"""UDML: which images are turned, what each term trains, what is kept."""

import keras
import numpy as np
import pytest

import keras_dvml as kd

both_kinds = pytest.mark.parametrize("kind", ["UDML", "VariationalUDML"])


@pytest.fixture
def compiled(make_model):
    def make(kind="UDML", **arguments):
        model = make_model(kind, **arguments)
        model.compile("adam", loss=kd.losses.MultiSimilarityLoss())
        return model

    return make


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
    kind, compiled, tiny_images, monkeypatch
):
    images, labels = tiny_images
    model = compiled(kind, rotation_batch=8)
    (seen,) = images_seen_by(model, images, labels, monkeypatch)
    np.testing.assert_array_equal(seen[:40], images)
    # 8 classes of 5 images, one after the other: the first of each class.
    turned = turned_by_numpy(images[::5])[8:]
    np.testing.assert_array_equal(seen[40:], turned)


def test_turned_images_are_spread_over_the_batch(
    compiled, tiny_images, monkeypatch
):
    images, labels = tiny_images
    model = compiled(rotation_batch=3)
    (seen,) = images_seen_by(model, images, labels, monkeypatch)
    # 40 / 3 = 13.3 apart, rounded down: 0, 13, 26, of classes 0, 2 and 5.
    turned = turned_by_numpy(images[[0, 13, 26]])[3:]
    np.testing.assert_array_equal(seen[40:], turned)


def test_all_of_a_batch_smaller_than_the_rotation_batch_is_turned(
    compiled, tiny_images, monkeypatch
):
    images, labels = tiny_images[0][:6], tiny_images[1][:6]
    model = compiled(rotation_batch=16)
    (seen,) = images_seen_by(model, images, labels, monkeypatch)
    np.testing.assert_array_equal(seen, turned_by_numpy(images))


@both_kinds
def test_rotation_term_equals_a_loop(kind, compiled, tiny_images):
    images, labels = tiny_images
    model = compiled(kind, rotation_batch=8)
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


@both_kinds
def test_rotation_trains_its_head_and_the_backbone(
    kind, compiled, parts_reached_by, tiny_images
):
    reached = parts_reached_by("rotation", compiled(kind), *tiny_images)
    assert reached == {"backbone", "rotation_head"}


def test_metric_term_trains_the_embedding_and_the_backbone(
    compiled, parts_reached_by, tiny_images
):
    reached = parts_reached_by("metric", compiled(), *tiny_images)
    assert reached == {"backbone", "head"}


@both_kinds
def test_without_rotation_it_is_the_model_beneath(kind, compiled, tiny_images):
    def trained(kind, **arguments):
        keras.utils.set_random_seed(0)
        model = compiled(kind, **arguments)
        history = model.fit(
            *tiny_images, batch_size=20, shuffle=False, epochs=2, verbose=0
        ).history
        return history, model

    beneath = {"UDML": "EmbeddingModel", "VariationalUDML": "DVML"}[kind]
    history, model = trained(kind, rotation_weight=0)
    expected_history, expected_model = trained(beneath)
    assert model.rotation_head is None
    assert history.keys() == expected_history.keys()
    for term, losses in history.items():
        assert losses == pytest.approx(expected_history[term], rel=1e-6)
    for weight, expected in zip(
        model.get_weights(), expected_model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(weight, expected, atol=1e-7)


def test_without_rotation_no_image_is_turned(
    compiled, tiny_images, monkeypatch
):
    model = compiled(rotation_weight=0)
    (seen,) = images_seen_by(model, *tiny_images, monkeypatch)
    np.testing.assert_array_equal(seen, tiny_images[0])


def test_turns_are_learned_where_images_have_an_upper_side(make_model):
    random = np.random.default_rng(0)
    images = random.integers(0, 100, (40, 16, 16, 3))
    images[:, :8] += 150
    model = make_model("UDML", rotation_weight=1.0)
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
    # From about log 4, knowing nothing, to well below log 2, which is what
    # tells apart upright and lying images only.
    assert history[0] == pytest.approx(np.log(4), abs=0.3)
    assert history[-1] < 0.3


@both_kinds
def test_configuration_rebuilds_the_kind_it_is_of(kind, make_model):
    model = make_model(kind)
    rebuilt = kd.models.UDML.from_config(model.get_config())
    assert type(rebuilt) is type(model)
    assert rebuilt.get_config() == model.get_config()


def test_plain_kind_takes_a_number_of_draws_and_keeps_none(make_model):
    model = make_model("UDML", num_samples=5)
    config = model.get_config()
    assert "num_samples" not in config
    # Configurations of version 0.1.0 had it.
    config["num_samples"] = 5
    assert type(model).from_config(config).get_config() == model.get_config()


def test_phase_schedule_drives_the_variational_kind(compiled, tiny_images):
    model = compiled("VariationalUDML")
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


def test_phase_schedule_refuses_the_plain_kind(compiled, tiny_images):
    schedule = kd.training.PhaseSchedule(release_decoder_at=1)
    with pytest.raises(TypeError, match="must have phases"):
        compiled().fit(*tiny_images, verbose=0, callbacks=[schedule])


def test_variational_kind_generates(make_model, tiny_images):
    model = make_model("VariationalUDML")
    assert model.generate(tiny_images[0], 5).shape == (5, 40, 8)


def test_both_kinds_are_udml_and_what_is_beneath(make_model):
    plain, variational = make_model("UDML"), make_model("VariationalUDML")
    assert isinstance(plain, kd.models.EmbeddingModel)
    assert isinstance(variational, kd.models.DVML)
    assert isinstance(plain, kd.models.UDML)
    assert isinstance(variational, kd.models.UDML)
    assert not isinstance(make_model("DVML"), kd.models.UDML)


def test_subclasses_derive_from_one_of_the_kinds(tiny_backbone, tiny_images):
    class Counting(kd.models.PlainUDML):
        steps = 0

        def train_step(self, data):
            Counting.steps += 1
            return super().train_step(data)

    model = Counting(tiny_backbone, 8)
    assert isinstance(model, kd.models.UDML)
    model.compile("adam", loss=kd.losses.NPairLoss(), run_eagerly=True)
    model.fit(*tiny_images, batch_size=20, verbose=0)
    assert Counting.steps == 2

    with pytest.raises(TypeError, match="Groundless must derive from PlainU"):

        class Groundless(kd.models.UDML):
            pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"rotation_weight": -0.1},
            "rotation_weight must be at least 0; rec.*-0.1",
        ),
        (
            {"rotation_batch": 0},
            "rotation_batch must be at least 1.*received 0",
        ),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, message, make_model):
    with pytest.raises(ValueError, match=message):
        make_model("UDML", **arguments)


def test_backbone_of_images_that_are_not_square_is_refused():
    images = keras.Input((32, 64, 3))
    backbone = keras.Model(
        images, keras.layers.GlobalAveragePooling2D()(images)
    )
    with pytest.raises(ValueError, match="square images.*32, 64, 3"):
        kd.models.UDML(backbone)
    # Nothing is turned, nothing needs to be square.
    kd.models.UDML(backbone, rotation_weight=0)
