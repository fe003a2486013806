"""Training as TFX's Trainer calls it, without TFX around it."""

import dataclasses
import json
import os

import numpy as np
import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def write_examples(tmp_path_factory, write_records):
    """Writes 24 images of 4 colours, labelled as the caller likes."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    colors = random.integers(40, 216, (4, 1, 1, 3))
    images = [
        tf.io.encode_png(
            (colors[i % 4] + random.integers(-40, 40, (16, 16, 3))).astype(
                np.uint8
            )
        ).numpy()
        for i in range(24)
    ]

    def write(labels):
        path = tmp_path_factory.mktemp("examples") / "data.gz"
        names = [f"{i:02}.png" for i in range(24)]
        write_records(path, zip(images, names, labels, strict=True))
        return [str(path)]

    return write


@pytest.fixture(scope="module")
def labels_uri(tmp_path_factory):
    """A PseudoLabels artifact that tells the colours apart."""
    from pipelines.artifacts.pseudo_label_table import (
        PseudoLabelTable,
        write_pseudo_labels,
    )

    uri = str(tmp_path_factory.mktemp("pseudo_labels"))
    table = PseudoLabelTable(
        ids=np.asarray([f"{i:02}.png" for i in range(24)]),
        clusters=np.arange(24) % 4,
        distances=np.zeros(24, np.float32),
        centroids=np.zeros((4, 8), np.float32),
        facts={"round": 1},
    )
    write_pseudo_labels(uri, table)
    return uri


@pytest.fixture(scope="module")
def train(tmp_path_factory, labels_uri):
    """Runs the training function; returns the model's folder."""
    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipelines.configs import TrainConfig
    from pipelines.training.trainer import run_fn

    config = TrainConfig(
        method="udml",
        image_size=16,
        widths=(4, 8),
        embedding_dim=8,
        num_samples=2,
        epochs=1,
        steps_per_epoch=2,
        classes_per_batch=4,
        images_per_class=3,
        evaluate_every=0,
    )

    def run(name, files, base=None, uri=labels_uri, checkpoints="", **changes):
        changed = dataclasses.replace(config, **changes)
        model_dir = tmp_path_factory.mktemp(name)
        (model_dir / "run").mkdir(parents=True)
        run_fn(
            FnArgs(
                train_files=files,
                eval_files=files,
                serving_model_dir=str(model_dir / "Format-Serving"),
                model_run_dir=str(model_dir / "run"),
                base_model=base and str(base / "Format-Serving"),
                custom_config={
                    # As it comes out of TFX: tuples are lists by then.
                    "train": json.loads(
                        json.dumps(dataclasses.asdict(changed))
                    ),
                    "pseudo_labels_uri": uri,
                    "checkpoint_root": str(checkpoints),
                },
            )
        )
        return model_dir

    return run


@pytest.fixture(scope="module")
def files(write_examples):
    """Of images without labels."""
    return write_examples([None] * 24)


@pytest.fixture(scope="module")
def first(train, files):
    """An epoch without labels."""
    return train("first", files)


@pytest.fixture(scope="module")
def undisturbed(train, files, first):
    """Three epochs more, and retrieval measured in each."""
    return train("undisturbed", files, base=first, epochs=3, evaluate_every=1)


def trained(model_dir):
    import keras

    return keras.models.load_model(model_dir / "model.keras", compile=False)


def weights(model_dir):
    # Not by name: Keras 3 calls every kernel `kernel`.
    return [weight.numpy() for weight in trained(model_dir).weights]


def assert_equal(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "method",
    ["udml", pytest.param("variational_udml", marks=pytest.mark.slow)],
)
def test_true_labels_have_no_part_in_training(
    train, write_examples, files, method
):
    labelled = write_examples(np.arange(24) % 3)
    with_labels, without = (
        weights(train("trained", kind, method=method))
        for kind in (labelled, files)
    )
    assert_equal(with_labels, without)


def test_pseudo_labels_have(train, files, first, labels_uri, tmp_path):
    import shutil

    other_uri = shutil.copytree(labels_uri, tmp_path / "other")
    path = other_uri / "pseudo_labels.csv"
    path.write_text(path.read_text().replace(",1,1,", ",0,1,"))
    changed = weights(train("changed", files, uri=str(other_uri)))
    assert any(
        not np.array_equal(one, other)
        for one, other in zip(weights(first), changed, strict=True)
    )


def test_two_rounds_on_the_same_labels_are_one_long_training(
    train, files, first
):
    # Weights, optimizer and the order of batches are all taken on.
    whole = train("whole", files, epochs=2)
    assert_equal(weights(train("rest", files, base=first)), weights(whole))


def test_rate_falls_within_each_round(train, files, first):
    import keras

    model_dir = train(
        "falling", files, base=first, epochs=2, learning_rate_decay=True
    )
    model = keras.models.load_model(model_dir / "model.keras")
    # Half a cosine in the middle of the second of two epochs.
    rate = 1e-3 * (1 + np.cos(0.75 * np.pi)) / 2
    assert float(model.optimizer.learning_rate) == pytest.approx(rate)
    history = json.loads((model_dir / "history.json").read_text())
    assert "learning_rate" not in history


def test_history_goes_on_over_the_rounds(train, write_examples):
    files = write_examples(np.arange(24) % 4)
    start = train("start", files, uri=None, evaluate_every=1)
    rest = train("rest", files, base=start, epochs=2)
    history = json.loads((rest / "run" / "history.json").read_text())
    assert history == json.loads((rest / "history.json").read_text())
    assert {len(values) for values in history.values()} == {3}
    # Of turned images alone there is nothing for the metric loss.
    assert history["metric_loss"][0] == 0.0
    assert history["metric_loss"][1] > 0.0
    # The first training was evaluated, the second was not.
    assert history["val_recall@1"][1:] == [None, None]
    import tensorflow as tf

    (events,) = (rest / "run").glob("events.out.tfevents.*")
    steps = [
        (value.tag, event.step)
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    ]
    assert [step for tag, step in steps if tag == "metric_loss"] == [1, 2, 3]
    assert [step for tag, step in steps if tag == "val_recall@1"] == [1]


class Stopped(BaseException):
    """What a kill looks like from within."""


@pytest.mark.slow
@pytest.mark.parametrize("at", ["second epoch", "last line"])
def test_stopped_training_goes_on_from_its_last_epoch(
    at, train, files, first, undisturbed, tmp_path, monkeypatch, caplog
):
    import pipelines.training.trainer
    from pipelines.artifacts.histories import read_history
    from pipelines.training.checkpoints import delete_finished_checkpoints
    from pipelines.training.history import EpochLines

    caplog.set_level("INFO")
    checkpoints = tmp_path / "unfinished"
    changes = {"base": first, "epochs": 3, "evaluate_every": 1}

    def stop(*_, **__):
        raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        if at == "last line":
            patched.setattr(pipelines.training.trainer, "write_summaries", stop)
        else:
            patched.setattr(EpochLines, "on_epoch_begin", _stop_in_epoch(2))
        train("stopped", files, checkpoints=checkpoints, **changes)
    assert len(list(checkpoints.glob("*/run.npz"))) == 1

    caplog.clear()
    resumed = train("resumed", files, checkpoints=checkpoints, **changes)
    # 2 steps an epoch; one epoch was trained before.
    step = {"last line": 8, "second epoch": 4}[at]
    assert f"Resuming after step {step}" in caplog.text
    assert_equal(weights(resumed), weights(undisturbed))
    assert read_history(str(resumed)) == read_history(str(undisturbed))
    # Nothing is lost either where the step's own end is not recorded.
    assert len(list(checkpoints.iterdir())) == 1
    delete_finished_checkpoints(checkpoints)
    assert not list(checkpoints.iterdir())


def _stop_in_epoch(number):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == number:
            raise Stopped

    return on_epoch_begin


@pytest.mark.slow
def test_state_of_a_training_is_not_anothers(
    train, files, tmp_path, monkeypatch, caplog
):
    from pipelines.training.checkpoints import delete_finished_checkpoints
    from pipelines.training.history import EpochLines

    caplog.set_level("INFO")
    checkpoints = tmp_path / "unfinished"
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(EpochLines, "on_epoch_begin", _stop_in_epoch(1))
        train("stopped", files, checkpoints=checkpoints, epochs=2)
    train("other", files, checkpoints=checkpoints, epochs=2, seed=1)
    assert "Going on" not in caplog.text
    # The one that was stopped can go on still, but not for ever.
    delete_finished_checkpoints(checkpoints)
    (stopped,) = checkpoints.iterdir()
    assert (stopped / "run.npz").exists()
    os.utime(stopped, (0, 0))
    delete_finished_checkpoints(checkpoints)
    assert not stopped.exists()


def test_first_weights_are_kept_by_no_epochs(train, files):
    model_dir = train("start", files, uri=None, epochs=0)
    assert json.loads((model_dir / "history.json").read_text()) == {}
    # The backbone is that of the row of the first weights.
    as_is = train("as_is", files, method="as_is")
    backbone = trained(model_dir).backbone
    assert_equal(
        [weight.numpy() for weight in backbone.weights], weights(as_is)
    )


def test_first_weights_wait_for_no_other_worker(train, files):
    # With a training there would be an error here, without a TF_CONFIG.
    model_dir = train(
        "as_is",
        files,
        method="as_is",
        strategy="multi_worker",
    )
    assert (model_dir / "model.keras").is_file()


def test_image_without_a_pseudo_label_is_named(
    train, files, labels_uri, tmp_path
):
    from pipelines.artifacts.pseudo_label_table import (
        read_pseudo_labels,
        write_pseudo_labels,
    )

    table = read_pseudo_labels(labels_uri)
    short_uri = str(tmp_path / "labels")
    (tmp_path / "labels").mkdir()
    write_pseudo_labels(
        short_uri,
        table._replace(
            ids=table.ids[1:],
            clusters=table.clusters[1:],
            distances=table.distances[1:],
        ),
    )
    with pytest.raises(ValueError, match="1 of 24 images.*'00.png'"):
        train("short", files, uri=short_uri)


def test_line_of_an_epoch_begins_with_the_loss(caplog):
    from pipelines.training.history import EpochLines

    caplog.set_level("INFO")
    # In the order that Keras 3 has them in.
    logs = {"invariant_loss": 0.25, "loss": 1.5, "val_recall@1": 0.5}
    EpochLines(first_epoch=2, num_epochs=4).on_epoch_end(2, logs)
    assert caplog.messages == [
        "epoch 1 of 4: loss 1.500, invariant_loss 0.250, val_recall@1 0.500"
    ]
