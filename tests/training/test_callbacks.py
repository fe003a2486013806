import keras
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


def test_a_negative_epoch_is_refused():
    with pytest.raises(ValueError, match="at least 0; received -1"):
        kd.training.PhaseSchedule(-1)
