import pathlib
import signal

import keras
import numpy as np
import pytest

import keras_dvml as kd

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def results_of(run_forked):
    def run(script, fatal, folder, exit_code=0):
        code = (HERE / script).read_text()
        path = folder / "result.npz"
        run_forked(code, folder / "run", fatal, path, exit_code=exit_code)
        return dict(np.load(path)) if path.exists() else None

    return run


@pytest.fixture(scope="module")
def undisturbed():
    """Results of runs that no kill disturbs, by their script."""
    return {}


@pytest.fixture
def assert_killed_run_ends_as_if_undisturbed(results_of, undisturbed, tmp_path):
    def check(script, fatal, never):
        if script not in undisturbed:
            (tmp_path / "undisturbed").mkdir()
            undisturbed[script] = results_of(
                script, never, tmp_path / "undisturbed"
            )
        assert results_of(script, fatal, tmp_path, -signal.SIGKILL) is None
        resumed = results_of(script, never, tmp_path)
        assert set(resumed) == set(undisturbed[script])
        for name, value in undisturbed[script].items():
            np.testing.assert_array_equal(resumed[name], value, err_msg=name)

    return check


# 5 steps an epoch, saved every 2: in the first step, between saves, right
# after one, at the end of an epoch, in phase 2, in the last step.
@pytest.mark.slow
@pytest.mark.parametrize(
    "fatal_step",
    [1, 3, 8, 10, 13, 20],
)
def test_killed_run_ends_as_the_undisturbed_one(
    fatal_step, assert_killed_run_ends_as_if_undisturbed
):
    assert_killed_run_ends_as_if_undisturbed("resumed_run.py", fatal_step, 0)


# 5 steps an epoch, 2 epochs a round: in the middle of the first round, before
# its last epoch is saved, while later rounds are clustered, right after that
# and before anything of the round is saved, in the middle of it, at its end.
@pytest.mark.slow
@pytest.mark.parametrize(
    "fatal",
    [
        "step 3",
        "step 10",
        "round 1",
        "step 11",
        "step 13",
        "round 2",
        "step 30",
    ],
)
def test_killed_rounds_end_as_the_undisturbed_ones(
    fatal, assert_killed_run_ends_as_if_undisturbed
):
    assert_killed_run_ends_as_if_undisturbed(
        "resumed_rounds.py", fatal, "never"
    )


@pytest.fixture
def model(tiny_backbone):
    model = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=8)
    model.compile("adam", loss=kd.losses.NPairLoss())
    return model


def batches(images, labels):
    return kd.data.balanced_batches(
        images, labels, classes_per_batch=4, images_per_class=5
    )


def test_complete_run_is_not_trained_again(model, tiny_images, tmp_path):
    first = kd.training.resumable_fit(
        model, batches(*tiny_images), 2, tmp_path, verbose=0
    )
    weights = model.get_weights()
    again = kd.training.resumable_fit(
        model, batches(*tiny_images), 2, tmp_path, verbose=0
    )
    assert again == first and len(first["loss"]) == 2
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_later_epochs_of_a_model_that_was_trained_before_are_those_of_fit(
    tiny_backbone, tiny_images, tmp_path
):
    def train(go_on):
        keras.utils.set_random_seed(0)
        model = kd.models.EmbeddingModel(
            keras.models.clone_model(tiny_backbone), embedding_dim=8
        )
        model.compile("adam", loss=kd.losses.NPairLoss())
        of_model = batches(*tiny_images)
        model.fit(of_model, epochs=2, verbose=0)
        numbers = []
        note = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: numbers.append(epoch)
        )
        history = go_on(model, of_model, initial_epoch=2, callbacks=[note])
        assert numbers == [2, 3]
        return history, model.get_weights()

    def fit(model, of_model, **arguments):
        return model.fit(of_model, epochs=4, verbose=0, **arguments).history

    def resumable(model, of_model, **arguments):
        return kd.training.resumable_fit(
            model, of_model, 4, tmp_path, verbose=0, **arguments
        )

    (plain, weights), (resumed, same) = train(fit), train(resumable)
    np.testing.assert_allclose(resumed["loss"], plain["loss"], rtol=1e-4)
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_state_goes_to_an_object_store(model, tiny_images, caplog):
    caplog.set_level("INFO", "keras_dvml")
    store = "ram://bucket/of/a/run"
    for epochs in (1, 2):
        history = kd.training.resumable_fit(
            model, batches(*tiny_images), epochs, store, verbose=0
        )
        assert len(history["loss"]) == epochs
    steps = batches(*tiny_images).position.steps_per_epoch
    assert f"Resuming after step {steps}, from {store}/run.npz" in caplog.text


def test_broken_state_is_named(model, tiny_images, tmp_path):
    (tmp_path / "run.npz").write_bytes(b"PK\3\4 and then the disk broke")
    with pytest.raises(ValueError, match=r"run\.npz cannot be read.*delete it"):
        kd.training.resumable_fit(
            model, batches(*tiny_images), 1, tmp_path, verbose=0
        )


def test_state_of_another_model_is_refused(
    model, tiny_backbone, tiny_images, tmp_path
):
    kd.training.resumable_fit(
        model, batches(*tiny_images), 1, tmp_path, verbose=0
    )
    wider = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=9)
    wider.compile("adam", loss=kd.losses.NPairLoss())
    with pytest.raises(ValueError, match="the state of another model"):
        kd.training.resumable_fit(
            wider, batches(*tiny_images), 2, tmp_path, verbose=0
        )


def test_batches_without_a_position_are_refused(model, tiny_images, tmp_path):
    with pytest.raises(ValueError, match="data.balanced_batches"):
        kd.training.resumable_fit(
            model, batches(*tiny_images).take(1), 1, tmp_path
        )


def pseudo_labels(images):
    return kd.training.PseudoLabels(images, num_clusters=8, every=1)


def test_state_without_that_of_a_callback_is_refused(
    model, tiny_images, tmp_path
):
    kd.training.resumable_fit(
        model, batches(*tiny_images), 1, tmp_path, verbose=0
    )
    pseudo = pseudo_labels(tiny_images[0])
    with pytest.raises(ValueError, match=r"\['PseudoLabels'\].*another run"):
        kd.training.resumable_fit(
            model,
            pseudo.batches(4, 5),
            2,
            tmp_path,
            callbacks=[pseudo],
            verbose=0,
        )


class Counter(keras.callbacks.Callback):
    """A callback of somebody else's, with a memory."""

    num_epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.num_epochs += 1

    def get_state(self):
        return {"num_epochs": np.asarray(self.num_epochs)}

    def set_state(self, state):
        self.num_epochs = int(state["num_epochs"])


def test_any_callback_with_a_state_is_restored(model, tiny_images, tmp_path):
    counters = [Counter(), Counter()]
    for counter, epochs in zip(counters, (2, 5), strict=True):
        kd.training.resumable_fit(
            model,
            batches(*tiny_images),
            epochs,
            tmp_path,
            callbacks=[counter],
            verbose=0,
        )
    assert counters[1].num_epochs == 5


def test_rounds_are_those_of_fit(tiny_backbone, tiny_images, tmp_path):
    def train(fit):
        keras.utils.set_random_seed(0)
        model = kd.models.EmbeddingModel(
            keras.models.clone_model(tiny_backbone), embedding_dim=8
        )
        model.compile("adam", loss=kd.losses.NPairLoss())
        pseudo = pseudo_labels(tiny_images[0])
        return fit(model, pseudo), pseudo

    plain, of_plain = train(
        lambda model, pseudo: (
            model.fit(
                pseudo.batches(4, 5), epochs=3, callbacks=[pseudo], verbose=0
            ).history
        )
    )
    resumable, of_resumable = train(
        lambda model, pseudo: kd.training.resumable_fit(
            model,
            pseudo.batches(4, 5),
            3,
            tmp_path,
            callbacks=[pseudo],
            verbose=0,
        )
    )
    assert plain.keys() == resumable.keys()
    for name, values in plain.items():
        np.testing.assert_allclose(resumable[name], values, rtol=1e-4)
    np.testing.assert_array_equal(
        of_plain.clustering.assignments, of_resumable.clustering.assignments
    )
