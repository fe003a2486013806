import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins import base_plugin, projector
from tensorboard.plugins.projector import projector_plugin
from werkzeug import test as werkzeug_test

import keras_dvml as kd
from keras_dvml.training import embedding_projector, retrieval_evaluation

TENSOR_NAME = "embeddings/.ATTRIBUTES/VARIABLE_VALUE"


class CountedModel(kd.models.EmbeddingModel):
    """Counts how often its training step is traced."""

    num_traces = 0

    def train_step(self, data):
        self.num_traces += 1
        return super().train_step(data)


def make_model(**how):
    keras.utils.set_random_seed(0)
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    model = CountedModel(backbone, embedding_dim=8)
    model.compile("adam", loss=kd.losses.TripletSemiHardLoss(), **how)
    return model


@pytest.fixture
def model():
    return make_model()


def fit(model, images, evaluation, epochs=1, callbacks=()):
    return model.fit(
        *images,
        batch_size=20,
        epochs=epochs,
        verbose=0,
        callbacks=[evaluation, *callbacks],
    ).history


def test_history_holds_the_scores_of_predict(model, tiny_images):
    evaluation = kd.training.RetrievalEvaluation(*tiny_images, ks=(1, 2))
    history = fit(model, tiny_images, evaluation)
    expected = kd.evaluation.evaluate_retrieval(
        model.predict(tiny_images[0], verbose=0), tiny_images[1], ks=(1, 2)
    )
    for name, score in expected.items():
        assert history[f"val_{name}"] == [pytest.approx(score, abs=1e-6)]


def test_evaluation_runs_when_due_and_at_the_end(model, tiny_images):
    evaluation = kd.training.RetrievalEvaluation(*tiny_images, every=2)
    history = fit(model, tiny_images, evaluation, epochs=5)
    assert [one["epoch"] for one in evaluation.evaluations] == [1, 3, 4]
    # An epoch without an evaluation logs nothing.
    assert history["val_recall@1"] == [
        one["recall@1"] for one in evaluation.evaluations
    ]


def test_clustering_scores_may_be_left_out(model, tiny_images):
    evaluation = kd.training.RetrievalEvaluation(
        *tiny_images, ks=(1,), every=2, clustering=False
    )
    history = fit(model, tiny_images, evaluation, epochs=3)
    scores = {name for name in history if name.startswith("val_")}
    assert scores == {"val_recall@1", "val_map@r", "val_r_precision", "val_mrr"}


def test_keras_can_choose_weights_by_a_score(model, tiny_images, tmp_path):
    path = str(tmp_path / "best.weights.h5")
    keep_best = keras.callbacks.ModelCheckpoint(
        path,
        monitor="val_recall@1",
        mode="max",
        save_best_only=True,
        save_weights_only=True,
    )
    evaluation = kd.training.RetrievalEvaluation(*tiny_images)
    fit(model, tiny_images, evaluation, 2, [keep_best])
    model.load_weights(path)


def test_training_steps_are_not_touched(model, tiny_images):
    ours, plain = kd.training.RetrievalEvaluation, keras.callbacks.Callback
    for name in dir(plain):
        if "batch" in name:
            assert getattr(ours, name) is getattr(plain, name)
    # Embedding between epochs does not have the step traced anew.
    fit(model, tiny_images, kd.training.RetrievalEvaluation(*tiny_images))
    num_traces = model.num_traces
    fit(model, tiny_images, kd.training.RetrievalEvaluation(*tiny_images), 3)
    assert model.num_traces == num_traces


# Files.


@pytest.fixture(scope="module")
def logged(tmp_path_factory, tiny_images):
    """A run of two evaluations, after epochs 1 and 2, and its files."""
    model, log_dir = make_model(), tmp_path_factory.mktemp("logs")
    images, labels = tiny_images
    names = np.array([f"class {label}" for label in labels])
    evaluation = kd.training.RetrievalEvaluation(
        images, names, ks=(1,), every=2, log_dir=log_dir
    )
    history = fit(model, tiny_images, evaluation, epochs=3)
    embeddings = model.predict(images, verbose=0)
    return log_dir, history, embeddings


def test_files_go_to_an_object_store(tiny_images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log_dir = "ram://logs/of/a/run"
    evaluation = kd.training.RetrievalEvaluation(
        *tiny_images, ks=(1,), every=1, log_dir=log_dir
    )
    fit(make_model(), tiny_images, evaluation, epochs=1)
    names = set(tf.io.gfile.listdir(log_dir))
    assert {"retrieval.csv", "sprite.png", "checkpoint"} < names
    assert any("tfevents" in name for name in names)
    assert not list(tmp_path.iterdir())


def test_csv_has_a_row_an_evaluation(logged):
    folder, history, _ = logged
    with open(folder / "retrieval.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row.pop("epoch") for row in rows] == ["1", "2"]
    for name in kd.evaluation.score_names((1,)):
        written = [float(row[name]) for row in rows]
        assert written == history[f"val_{name}"]


def scalars(folder, tag):
    """Returns (steps, values) as TensorBoard reads them."""
    events = event_accumulator.EventAccumulator(
        str(folder), size_guidance={event_accumulator.TENSORS: 0}
    )
    found = events.Reload().Tensors(tag)
    return [one.step for one in found], [
        float(tf.make_ndarray(one.tensor_proto)) for one in found
    ]


def test_tensorboard_shows_every_score(logged):
    folder, history, _ = logged
    for name in kd.evaluation.score_names((1,)):
        steps, values = scalars(folder, f"retrieval/{name}")
        assert steps == [1, 2]
        # TensorBoard keeps float32.
        assert values == pytest.approx(history[f"val_{name}"], rel=1e-6)


def test_projector_config_names_files_that_are_there(logged):
    folder = logged[0]
    config = text_format.Parse(
        (folder / "projector_config.pbtxt").read_text(),
        projector.ProjectorConfig(),
    )
    (embedding,) = config.embeddings
    assert embedding.tensor_name == TENSOR_NAME
    assert (folder / embedding.metadata_path).exists()
    assert (folder / embedding.sprite.image_path).exists()
    assert list(embedding.sprite.single_image_dim) == [48, 48]


def test_metadata_has_a_line_an_image(logged):
    lines = (logged[0] / "metadata.tsv").read_text().splitlines()
    assert lines == [f"class {number}" for number in np.repeat(range(8), 5)]


def test_sprite_holds_the_images_in_their_order(logged, tiny_images):
    sprite = tf.io.decode_png((logged[0] / "sprite.png").read_bytes()).numpy()
    # 40 images stand in 7 columns: 7 * 7 is the first square that holds them.
    assert sprite.shape == (7 * 48, 7 * 48, 3)
    tiles = sprite.reshape(7, 48, 7, 48, 3).transpose(0, 2, 1, 3, 4)
    tiles = tiles.reshape(49, 48, 48, 3).astype(float)
    # Thrice the size on both axes: a picture keeps its mean, up to rounding
    # and what the edges weigh.
    means = tiny_images[0].mean(axis=(1, 2))
    np.testing.assert_allclose(tiles[:40].mean(axis=(1, 2)), means, atol=3)
    assert not tiles[40:].any()


def test_projector_holds_the_latest_embeddings_alone(logged):
    folder, _, embeddings = logged
    reader = tf.train.load_checkpoint(str(folder))
    np.testing.assert_allclose(
        reader.get_tensor(TENSOR_NAME), embeddings, atol=1e-6
    )
    assert len(list(folder.glob("embeddings-*.index"))) == 1


def test_tensorboard_itself_serves_the_projector(logged):
    folder, _, embeddings = logged
    context = base_plugin.TBContext(logdir=str(folder), data_provider=None)
    apps = projector_plugin.ProjectorPlugin(context).get_plugin_apps()

    def get(route, **query):
        answer = werkzeug_test.Client(apps[route]).get(
            route, query_string={"run": ".", **query}
        )
        assert answer.status_code == 200
        return answer.data

    info = json.loads(get("/info"))
    (embedding,) = info["embeddings"]
    assert embedding["tensorShape"] == [40, 8]
    tensor = np.frombuffer(get("/tensor", name=TENSOR_NAME), np.float32)
    np.testing.assert_allclose(tensor.reshape(40, 8), embeddings, atol=1e-6)
    assert get("/metadata", name=TENSOR_NAME).count(b"\n") in (39, 40)
    assert get("/sprite_image", name=TENSOR_NAME).startswith(b"\x89PNG")


def test_of_many_images_the_projector_shows_some(
    tiny_images, tmp_path, monkeypatch
):
    monkeypatch.setattr(embedding_projector, "_MOST_POINTS", 10)
    images, labels = tiny_images
    shown = embedding_projector.EmbeddingProjector(tmp_path, labels)
    # Every fourth of 40, and batches of 3 of which some have none of them.
    shown.write_items(kd.data.image_batches(images, 3))
    shown.write_embeddings(np.arange(80, dtype="f").reshape(40, 2), epoch=0)
    rows = np.arange(0, 40, 4)
    reader = tf.train.load_checkpoint(str(tmp_path))
    assert reader.get_tensor(TENSOR_NAME)[:, 0].tolist() == list(2 * rows)
    lines = (tmp_path / "metadata.tsv").read_text().splitlines()
    assert lines == [str(label) for label in labels[rows]]
    sprite = tf.io.decode_png((tmp_path / "sprite.png").read_bytes()).numpy()
    # 10 in 4 columns; the last stands in row 2, column 1.
    assert sprite.shape == (192, 192, 3)
    last = sprite[96:144, 48:96].mean(axis=(0, 1))
    np.testing.assert_allclose(last, images[36].mean(axis=(0, 1)), atol=3)


def test_labels_become_single_lines(tiny_images, tmp_path):
    labels = np.array(["a\tb", "c\nd", "", "e f"])
    shown = embedding_projector.EmbeddingProjector(tmp_path, labels)
    shown.write_items(kd.data.image_batches(tiny_images[0][:4]))
    lines = (tmp_path / "metadata.tsv").read_text().splitlines()
    assert lines == ["a b", "c d", "-", "e f"]


# The best weights.


@pytest.fixture
def scripted(monkeypatch):
    """Lets evaluations give scores that a test has written down."""

    def script(*scores):
        scores = iter(scores)
        monkeypatch.setattr(
            retrieval_evaluation,
            "evaluate_retrieval",
            lambda *_, **__: dict.fromkeys(
                kd.evaluation.score_names((1,)), next(scores)
            ),
        )

    return script


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


def assert_same(weights, others):
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)


def keeper(images, **settings):
    return kd.training.RetrievalEvaluation(
        *images, ks=(1,), keep_best="map@r", **settings
    )


def test_weights_of_the_best_score_are_kept(model, tiny_images, scripted):
    scripted(0.2, 0.7, 0.7, 0.5)
    evaluation, recorder = keeper(tiny_images), Recorder()
    fit(model, tiny_images, evaluation, 4, [recorder])
    # Of equal ones the first.
    assert (evaluation.best.score, evaluation.best.epoch) == (0.7, 1)
    assert_same(evaluation.best.weights, recorder.weights[1])
    # Not asked to, it leaves the model as training left it.
    assert_same(model.get_weights(), recorder.weights[3])
    evaluation.best.restore(model)
    assert_same(model.get_weights(), recorder.weights[1])


def test_best_weights_are_restored_at_the_end(model, tiny_images, scripted):
    scripted(0.2, 0.7, 0.5)
    evaluation = keeper(tiny_images, restore_best=True)
    recorder = Recorder()
    fit(model, tiny_images, evaluation, 3, [recorder])
    assert_same(model.get_weights(), recorder.weights[1])


def test_best_weights_are_restored_where_training_stops_early(
    model, tiny_images, scripted
):
    scripted(0.7, 0.5, 0.4, 0.3)
    evaluation = keeper(tiny_images, restore_best=True)
    recorder = Recorder()
    stopping = keras.callbacks.EarlyStopping(
        "val_map@r", mode="max", patience=2
    )
    fit(model, tiny_images, evaluation, 10, [recorder, stopping])
    assert len(recorder.weights) == 3
    assert_same(model.get_weights(), recorder.weights[0])


# The callbacks of Keras that watch a score.


def rising(scripted, model, images, *callbacks):
    """Fits for 8 epochs, scores rising at every other one."""
    scripted(0.1, 0.2, 0.3, 0.4)
    evaluation = kd.training.RetrievalEvaluation(*images, ks=(1,), every=2)
    return fit(model, images, evaluation, 8, callbacks)


@pytest.mark.filterwarnings("ignore:Early stopping conditioned:UserWarning")
@pytest.mark.filterwarnings("ignore:Learning rate reduction:UserWarning")
@pytest.mark.filterwarnings("ignore:Can save best model:UserWarning")
def test_epochs_without_an_evaluation_count_for_no_callback(
    model, tiny_images, scripted, tmp_path
):
    watched = {"monitor": "val_map@r", "mode": "max"}
    stopping = keras.callbacks.EarlyStopping(
        **watched, patience=1, restore_best_weights=True
    )
    plateau = keras.callbacks.ReduceLROnPlateau(**watched, patience=1)
    keep_best = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best.weights.h5"),
        **watched,
        save_best_only=True,
        save_weights_only=True,
    )
    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    rate = float(model.optimizer.learning_rate)
    history = rising(
        scripted, model, tiny_images, stopping, plateau, keep_best, log
    )
    assert len(history["loss"]) == 8
    assert history["val_map@r"] == [0.1, 0.2, 0.3, 0.4]
    assert stopping.best == keep_best.best == 0.4
    assert float(model.optimizer.learning_rate) == rate


@pytest.mark.parametrize(
    "watcher",
    [
        keras.callbacks.EarlyStopping("val_recall@1", mode="max"),
        keras.callbacks.ReduceLROnPlateau("val_recall@1", mode="max"),
        keras.callbacks.ModelCheckpoint(
            "best.weights.h5", "val_recall@1", save_weights_only=True
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_callback_before_the_scores_it_watches_is_refused(
    watcher, model, tiny_images, tmp_path
):
    evaluation = kd.training.RetrievalEvaluation(*tiny_images)
    callbacks = [watcher, evaluation]
    message = (
        f"have RetrievalEvaluation before {type(watcher).__name__}, which "
        "watches its 'val_recall@1'"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(*tiny_images, verbose=0, callbacks=callbacks)
    batches = kd.data.balanced_batches(
        *tiny_images, classes_per_batch=4, images_per_class=5
    )
    with pytest.raises(ValueError, match=message):
        kd.training.resumable_fit(
            model, batches, 1, tmp_path, callbacks=callbacks, verbose=0
        )
    # What it watches besides is not ours.
    assert len(fit(model, tiny_images, Recorder())["loss"]) == 1


class Interruption(keras.callbacks.Callback):
    """Ends a run as a kill would, without the end of anything."""

    def __init__(self, at_step):
        super().__init__()
        self.at_step = at_step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self.at_step:
            raise InterruptedError


def resumable_run(images, folder, epochs=4, at_step=0, **settings):
    # Several runs of a few steps: to trace them would take longer.
    model = make_model(run_eagerly=True)
    evaluation = kd.training.RetrievalEvaluation(
        *images,
        every=1,
        keep_best="map@r",
        log_dir=folder / "logs",
        **settings,
    )
    # 2 steps an epoch, each saved.
    batches = kd.data.balanced_batches(
        *images, classes_per_batch=4, images_per_class=5
    )
    try:
        kd.training.resumable_fit(
            model,
            batches,
            epochs,
            folder / "run",
            save_every=1,
            callbacks=[evaluation, Interruption(at_step)],
            verbose=0,
        )
    except InterruptedError:
        assert at_step
    return model, evaluation, (folder / "logs" / "retrieval.csv").read_text()


# In the middle of an epoch, and where the epoch's scores are not saved yet.
@pytest.mark.parametrize("at_step", [4, 5])
def test_a_run_taken_up_ends_as_the_undisturbed_one(
    at_step, tiny_images, tmp_path
):
    settings = {"restore_best": True}
    model, evaluation, text = resumable_run(
        tiny_images, tmp_path / "undisturbed", **settings
    )
    resumable_run(tiny_images, tmp_path / "cut", at_step=at_step, **settings)
    again = resumable_run(tiny_images, tmp_path / "cut", **settings)
    assert_same(again[0].get_weights(), model.get_weights())
    assert again[1].evaluations == evaluation.evaluations
    assert again[1].best.epoch == evaluation.best.epoch
    assert again[2] == text


def test_a_complete_run_taken_up_has_the_best_weights(
    tiny_images, tmp_path, scripted
):
    scripted(0.7, 0.6)
    settings = {"epochs": 2, "restore_best": True, "ks": (1,)}
    first = resumable_run(tiny_images, tmp_path, **settings)
    again = resumable_run(tiny_images, tmp_path, **settings)
    assert again[1].best.epoch == 0
    assert_same(again[0].get_weights(), first[1].best.weights)


def test_a_complete_run_goes_on_from_its_last_weights(
    tiny_images, tmp_path, scripted
):
    # The best after two epochs are those of the first; training further must
    # not begin with them.
    scripted(0.7, 0.6, 0.5, 0.7, 0.6, 0.5)
    settings = {"restore_best": True, "ks": (1,)}
    straight, extended = tmp_path / "straight", tmp_path / "extended"
    resumable_run(tiny_images, straight, epochs=3, **settings)
    resumable_run(tiny_images, extended, epochs=2, **settings)
    resumable_run(tiny_images, extended, epochs=3, **settings)
    with (
        np.load(straight / "run" / "run.npz") as one,
        np.load(extended / "run" / "run.npz") as other,
    ):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_nothing_is_kept_before_the_first_evaluation(tiny_images):
    evaluation = keeper(tiny_images)
    other = keeper(tiny_images)
    other.set_state(evaluation.get_state())
    assert other.best.score is other.best.weights is None
    assert other.evaluations == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every": 0}, "every must be at least 1; received 0"),
        ({"keep_best": "accuracy"}, r"one of recall@1, .*received 'accuracy'"),
        ({"keep_best": "nmi", "clustering": False}, "received 'nmi'"),
        ({"restore_best": True}, "keep_best must be .*; received None"),
        ({"batch_size": 0}, "batch_size must be at least 1; received 0"),
        ({"ks": (1, 8)}, "k must be in 1..7, .*; received 8"),
        ({"ks": (1.0,)}, "k must be in 1..7, .*; received 1.0"),
        ({"labels": np.arange(8)}, "a class two items; received 8 items of 8"),
        ({"labels": np.eye(8)}, r"one for each of 8 images; .*\(8, 8\)"),
        ({"labels": [0, 0, np.nan]}, "labels of images .* NaN .* row 2"),
    ],
)
def test_bad_arguments_are_named(settings, message):
    settings = {"labels": np.arange(8) // 2, "ks": (1,)} | settings
    with pytest.raises(ValueError, match=message):
        kd.training.RetrievalEvaluation([], **settings)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((7, 16, 16, 3), np.uint8), "received 8 labels for 7 images"),
        (np.zeros((8, 32, 16, 3), np.uint8), r"\(16, 16\); received \(32, 16"),
        (["a.png", 3], "received an item of type int in place 1"),
    ],
)
def test_images_that_do_not_fit_are_named_before_the_first_step(
    images, message, model, tiny_images
):
    evaluation = kd.training.RetrievalEvaluation(
        images, np.arange(8) // 2, ks=(1,)
    )
    with pytest.raises(ValueError, match=message):
        fit(model, tiny_images, evaluation)
    assert int(model.optimizer.iterations) == 0


def test_files_are_decoded_to_a_size_where_the_model_has_none(tmp_path):
    images = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(4, 3)(images)
    features = keras.layers.GlobalAveragePooling2D()(features)
    model = kd.models.EmbeddingModel(keras.Model(images, features), 8)
    model.compile("adam", loss=kd.losses.NPairLoss())
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for path in paths:
        path.write_bytes(tf.io.encode_png(np.zeros((9, 9, 3), "u1")).numpy())
    labels = np.arange(6) // 2
    batch = np.zeros((6, 16, 16, 3), np.uint8), labels
    with pytest.raises(ValueError, match="image_size must be given"):
        fit(model, batch, kd.training.RetrievalEvaluation(paths, labels, (1,)))
    evaluation = kd.training.RetrievalEvaluation(
        paths, labels, (1,), image_size=16
    )
    assert fit(model, batch, evaluation)["val_recall@1"] == [0.0]


def test_a_stream_of_images_is_read_once(model, tiny_images):
    stream = iter(tiny_images[0])
    images = tf.data.Dataset.from_generator(
        lambda: stream, output_signature=tf.TensorSpec((16, 16, 3), tf.uint8)
    )
    evaluation = kd.training.RetrievalEvaluation(images, tiny_images[1])
    first = fit(model, tiny_images, evaluation)
    second = fit(model, tiny_images, evaluation)
    assert first["val_map@r"] and second["val_map@r"]
