import keras
import numpy as np
import pytest

import keras_dvml as kd


@pytest.fixture
def model(tiny_backbone):
    model = kd.models.DVML(tiny_backbone, embedding_dim=8, num_samples=2)
    model.compile("adam", loss=kd.losses.TripletSemiHardLoss())
    return model


class PhaseOfEachStep(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.phases = []

    def on_train_batch_begin(self, batch, logs=None):
        self.phases.append(int(self.model.phase.numpy()))


def test_schedule_switches_at_its_epoch(model, tiny_images):
    recorder = PhaseOfEachStep()
    schedule = kd.training.PhaseSchedule(release_decoder_at=2)
    model.fit(
        *tiny_images,
        batch_size=20,
        epochs=4,
        verbose=0,
        callbacks=[schedule, recorder],
    )
    assert recorder.phases == [1, 1, 1, 1, 2, 2, 2, 2]


def test_schedule_taken_up_later_is_in_the_right_phase(model, tiny_images):
    recorder = PhaseOfEachStep()
    schedule = kd.training.PhaseSchedule(release_decoder_at=2)
    model.fit(
        *tiny_images,
        batch_size=40,
        initial_epoch=3,
        epochs=4,
        verbose=0,
        callbacks=[schedule, recorder],
    )
    assert recorder.phases == [2]


def test_schedule_needs_a_model_with_phases(tiny_backbone, tiny_images):
    plain = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=8)
    plain.compile("adam", loss=kd.losses.TripletSemiHardLoss())
    with pytest.raises(TypeError, match="received EmbeddingModel"):
        plain.fit(
            *tiny_images, verbose=0, callbacks=[kd.training.PhaseSchedule(1)]
        )


def test_evaluation_logs_the_scores_of_predict(model, tiny_images):
    evaluation = kd.training.RetrievalEvaluation(*tiny_images, ks=(1, 2))
    history = model.fit(
        *tiny_images, batch_size=20, verbose=0, callbacks=[evaluation]
    ).history
    expected = kd.evaluation.evaluate_retrieval(
        model.predict(tiny_images[0], verbose=0), tiny_images[1], ks=(1, 2)
    )
    for name, score in expected.items():
        assert history[f"val_{name}"] == [pytest.approx(score, abs=1e-6)]


def test_evaluation_runs_when_due_and_at_the_end(model, tiny_images):
    evaluation = kd.training.RetrievalEvaluation(*tiny_images, every=2)
    history = model.fit(
        *tiny_images, batch_size=20, epochs=5, verbose=0, callbacks=[evaluation]
    ).history
    measured = np.isfinite(history["val_recall@1"]).tolist()
    assert measured == [False, True, False, True, True]


def test_evaluation_can_choose_the_best_weights(model, tiny_images, tmp_path):
    path = str(tmp_path / "best.weights.h5")
    keep_best = keras.callbacks.ModelCheckpoint(
        path,
        monitor="val_recall@1",
        mode="max",
        save_best_only=True,
        save_weights_only=True,
    )
    evaluation = kd.training.RetrievalEvaluation(*tiny_images)
    model.fit(
        *tiny_images, verbose=0, epochs=2, callbacks=[evaluation, keep_best]
    )
    model.load_weights(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kd.training.PhaseSchedule(-1), "received -1"),
        (
            lambda: kd.training.RetrievalEvaluation([], [], every=0),
            "received 0",
        ),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
