import functools
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics

import keras_dvml as kd


@pytest.fixture
def pictures(tiny_images):
    """The 40 tiny images, the number of each in its first pixel."""
    images, labels = tiny_images
    images = images.copy()
    images[:, 0, 0, 0] = np.arange(40)
    return images, labels


@pytest.fixture
def model(tiny_backbone):
    model = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=6)
    # A few steps a test: to trace them would take longer.
    model.compile(
        "adam", loss=kd.losses.MultiSimilarityLoss(), run_eagerly=True
    )
    return model


def pseudo_labels(images, **changes):
    arguments = {"num_clusters": 8, "every": 2, **changes}
    return kd.training.PseudoLabels(images, **arguments)


def fit(model, pseudo, epochs=4, **changes):
    batches = pseudo.batches(classes_per_batch=4, images_per_class=5)
    return model.fit(
        batches, epochs=epochs, callbacks=[pseudo], verbose=0, **changes
    ).history


def clustering_of(assignments, embeddings):
    """A `Clustering` made by hand."""
    assignments = np.asarray(assignments)
    sizes = np.bincount(assignments[assignments >= 0])
    return kd.clustering.Clustering(
        assignments,
        np.zeros(len(assignments), np.float32),
        np.zeros((len(sizes), embeddings.shape[1]), np.float32),
        0.0,
        sizes,
    )


class Clusterer:
    """Deals out given assignments, and remembers what it was called with."""

    def __init__(self, *rounds):
        self.rounds = rounds
        self.calls = []

    def __call__(self, embeddings, previous):
        self.calls.append((embeddings.copy(), previous))
        return clustering_of(self.rounds[len(self.calls) - 1], embeddings)


@pytest.mark.parametrize("variational", [False, True])
def test_design_example_runs(variational, tiny_images, tiny_backbone):
    images = tiny_images[0]
    model = kd.models.UDML(
        tiny_backbone,
        embedding_dim=128,
        rotation_weight=0.1,
        variational=variational,
    )
    pseudo = kd.training.PseudoLabels(images, num_clusters=20, every=5)
    model.compile(optimizer="adam", loss=kd.losses.MultiSimilarityLoss())
    history = model.fit(
        pseudo.batches(classes_per_batch=16, images_per_class=5),
        epochs=6,
        callbacks=[pseudo],
        verbose=0,
    ).history
    assert np.isfinite(history["loss"]).all()
    assert [one.epoch for one in pseudo.rounds] == [0, 5]


class Recorder(kd.models.EmbeddingModel):
    """Writes down which images it was trained on, with which labels."""

    def train_step(self, data):
        images, labels = data
        with tf.control_dependencies(
            [tf.py_function(self.record, [images[:, 0, 0, 0], labels], [])]
        ):
            return super().train_step(data)

    def record(self, numbers, labels):
        self.seen.append((numbers.numpy(), labels.numpy()))


class LabelsOfEachEpoch(keras.callbacks.Callback):
    def __init__(self, pseudo):
        super().__init__()
        self.pseudo = pseudo
        self.labels = []

    def on_epoch_begin(self, epoch, logs=None):
        self.labels.append(self.pseudo.clustering.assignments.copy())


@pytest.mark.parametrize(
    ("wrap", "arguments"),
    [
        (lambda batches: batches, {}),
        (lambda batches: batches, {"steps_per_epoch": 3}),
        (lambda batches: batches.prefetch(8), {}),
        (lambda batches: batches.map(lambda *pair: pair), {}),
    ],
    ids=["plain", "steps", "prefetch", "map"],
)
def test_each_batch_has_the_labels_of_its_epoch(
    wrap, arguments, pictures, tiny_backbone
):
    random = np.random.default_rng(0)
    pseudo = pseudo_labels(
        pictures[0],
        every=1,
        num_clusters=None,
        clusterer=Clusterer(*random.permuted([pictures[1]] * 5, axis=1)),
    )
    model = Recorder(tiny_backbone, embedding_dim=6)
    model.seen = []
    model.compile("adam", loss=kd.losses.NPairLoss(), jit_compile=False)
    batches = pseudo.batches(4, 3, steps_per_epoch=3)
    of_epochs = LabelsOfEachEpoch(pseudo)
    model.fit(
        wrap(batches),
        epochs=5,
        callbacks=[pseudo, of_epochs],
        verbose=0,
        **arguments,
    )
    assert len(model.seen) == 15
    for step, (numbers, labels) in enumerate(model.seen):
        np.testing.assert_array_equal(
            labels, of_epochs.labels[step // 3][numbers]
        )
    changes = [one.changed for one in pseudo.rounds[1:]]
    assert min(changes) > 0.5


@pytest.mark.parametrize(
    ("wrap", "steps"),
    [(lambda batches: batches.repeat(), 2), (lambda batches: batches, 1)],
    ids=["repeat", "shorter epochs"],
)
def test_batches_that_would_outlive_their_labels_are_refused(
    wrap, steps, tiny_images, model
):
    pseudo = pseudo_labels(tiny_images[0])
    batches = wrap(pseudo.batches(4, 5))
    with pytest.raises(ValueError, match="each epoch must be one pass"):
        model.fit(
            batches,
            steps_per_epoch=steps,
            epochs=3,
            callbacks=[pseudo],
            verbose=0,
        )


def test_first_round_sees_features_and_later_ones_embeddings(
    tiny_images, tiny_backbone, model
):
    clusterer = Clusterer(*[tiny_images[1]] * 3)
    pseudo = pseudo_labels(
        tiny_images[0], num_clusters=None, clusterer=clusterer, batch_size=16
    )
    features = model.features(tf.constant(tiny_images[0])).numpy()
    fit(model, pseudo, epochs=4)
    embeddings = [embeddings for embeddings, _ in clusterer.calls]
    np.testing.assert_allclose(embeddings[0], features, rtol=1e-5, atol=1e-6)
    assert embeddings[1].shape == (40, 6)
    # Epoch 4 begins a round: its embeddings are of the weights as they are.
    fit(model, pseudo, epochs=5, initial_epoch=4, steps_per_epoch=2)
    before = embeddings[1]
    assert np.abs(clusterer.calls[2][0] - before).max() > 1e-3


def test_second_round_starts_from_means_and_later_ones_from_centroids(
    tiny_images, model
):
    starts, found = [], []

    def clusterer(embeddings, previous):
        starts.append((embeddings.copy(), previous))
        found.append(kd.clustering.k_means(embeddings, 8))
        return found[-1]

    pseudo = pseudo_labels(
        tiny_images[0], every=1, num_clusters=None, clusterer=clusterer
    )
    fit(model, pseudo, epochs=3)
    assert starts[0][1] is None
    embeddings, previous = starts[1]
    for cluster in range(8):
        members = found[0].assignments == cluster
        np.testing.assert_allclose(
            previous.centroids[cluster],
            embeddings[members].mean(axis=0),
            rtol=1e-4,
            atol=1e-6,
        )
    _, previous = starts[2]
    second = found[1].align(found[0].assignments)
    np.testing.assert_array_equal(previous.centroids, second.centroids)
    np.testing.assert_array_equal(previous.assignments, second.assignments)


def test_round_in_which_nothing_moved_keeps_its_labels(tiny_backbone):
    model = kd.models.EmbeddingModel(
        kd.models.freeze_batch_norm(tiny_backbone), embedding_dim=6
    )
    model.compile(
        keras.optimizers.SGD(0.0), loss=kd.losses.MultiSimilarityLoss()
    )

    def clusterer(embeddings, previous):
        start = None if previous is None else previous.centroids
        return kd.clustering.k_means(
            embeddings, 20, num_iterations=1, initial_centroids=start
        )

    images = np.random.default_rng(0).integers(0, 256, (200, 16, 16, 3))
    pseudo = pseudo_labels(
        images.astype(np.uint8), every=1, num_clusters=None, clusterer=clusterer
    )
    of_epochs = LabelsOfEachEpoch(pseudo)
    model.fit(
        pseudo.batches(4, 5),
        epochs=4,
        callbacks=[pseudo, of_epochs],
        verbose=0,
    )
    assert not np.array_equal(of_epochs.labels[0], of_epochs.labels[1])
    for labels in of_epochs.labels[2:]:
        np.testing.assert_array_equal(labels, of_epochs.labels[1])
    assert [one.changed for one in pseudo.rounds[2:]] == [0.0, 0.0]
    assert [one.nmi_previous for one in pseudo.rounds[2:]] == [
        pytest.approx(1.0),
        pytest.approx(1.0),
    ]
    # k-means that was cut short would have moved on by itself.
    embeddings = model.predict(images, verbose=0)
    moved_on = clusterer(embeddings, pseudo.clustering)
    assert (moved_on.assignments != of_epochs.labels[1]).any()


def test_rounds_begin_every_so_many_epochs(tiny_images, model):
    pseudo = pseudo_labels(tiny_images[0], every=3)
    fit(model, pseudo, epochs=7)
    assert [one.epoch for one in pseudo.rounds] == [0, 3, 6]
    assert [one.round for one in pseudo.rounds] == [1, 2, 3]


def test_fit_that_goes_on_keeps_to_the_epochs(tiny_images, model):
    pseudo = pseudo_labels(tiny_images[0], every=3)
    fit(model, pseudo, epochs=2)
    fit(model, pseudo, epochs=4, initial_epoch=2)
    assert [one.epoch for one in pseudo.rounds] == [0, 3]


def test_fit_begun_later_has_labels_at_once(tiny_images, model):
    pseudo = pseudo_labels(tiny_images[0], every=3)
    fit(model, pseudo, epochs=7, initial_epoch=4)
    assert [one.epoch for one in pseudo.rounds] == [4, 6]


def test_fit_begun_anew_begins_a_round(tiny_images, model):
    pseudo = pseudo_labels(tiny_images[0], every=3)
    fit(model, pseudo, epochs=1)
    fit(model, pseudo, epochs=1)
    assert [one.epoch for one in pseudo.rounds] == [0, 0]


def test_clusters_of_plain_colours_are_found(tiny_images, model):
    pseudo = pseudo_labels(tiny_images[0], true_labels=tiny_images[1])
    fit(model, pseudo, epochs=6)
    assert pseudo.rounds[-1].nmi_true > 0.9


def test_epochs_log_the_figures_of_their_round(tiny_images, model, tmp_path):
    # Clusters of 20, 12, 7 and 1 image; then 5 of the first move to the last.
    first = np.repeat([0, 1, 2, 3], [20, 12, 7, 1])
    second = np.where(np.arange(40) < 5, 3, first)
    truth = np.arange(40) // 20
    pseudo = pseudo_labels(
        tiny_images[0],
        num_clusters=None,
        clusterer=Clusterer(first, second),
        true_labels=truth,
    )
    csv_path = tmp_path / "log.csv"
    batches = pseudo.batches(4, 5)
    history = model.fit(
        batches,
        epochs=3,
        callbacks=[pseudo, keras.callbacks.CSVLogger(str(csv_path))],
        verbose=0,
    ).history
    expected = {
        "round": [1, 1, 2],
        "smallest": [1, 1, 6],
        # Between 7 and 12; then 15, 12, 7 and 6.
        "median": [9.5, 9.5, 9.5],
        "largest": [20, 20, 15],
        "num_empty": [0, 0, 0],
        "num_single": [1, 1, 0],
        "num_noise": [0, 0, 0],
        # Nothing is logged where there is nothing to compare with.
        "changed": [5 / 40],
    }
    nmi = functools.partial(metrics.normalized_mutual_info_score)
    expected["nmi_previous"] = [nmi(first, second)]
    expected["nmi_true"] = [nmi(truth, first)] * 2 + [nmi(truth, second)]
    for name, values in expected.items():
        np.testing.assert_allclose(
            history[f"clusters_{name}"], values, err_msg=name
        )
    assert pseudo.rounds[1].changed == 5 / 40
    assert "clusters_nmi_true" in csv_path.read_text().splitlines()[0]


@pytest.mark.parametrize("name", ["clusters_changed", "clusters_num_single"])
def test_callback_before_the_rounds_it_watches_is_refused(
    name, tiny_images, model
):
    pseudo = pseudo_labels(tiny_images[0])
    stopping = keras.callbacks.EarlyStopping(name, mode="min")
    with pytest.raises(ValueError, match=f"PseudoLabels before .* '{name}'"):
        model.fit(pseudo.batches(4, 5), callbacks=[stopping, pseudo], verbose=0)
    assert pseudo.rounds == []


def test_without_true_labels_none_are_compared(tiny_images, model):
    history = fit(model, pseudo_labels(tiny_images[0]), epochs=1)
    assert "clusters_nmi_true" not in history


def batch_of(pseudo, **arguments):
    (numbers, labels), *_ = [
        (images[:, 0, 0, 0].numpy(), labels.numpy())
        for images, labels in pseudo.batches(**arguments)
    ]
    return numbers, labels


@pytest.fixture
def labelled(model):
    """A function that begins a round with given assignments."""

    def begin_round(images, assignments, **changes):
        pseudo = pseudo_labels(
            images,
            num_clusters=None,
            clusterer=Clusterer(assignments),
            **changes,
        )
        batches = pseudo.batches(2, 2, steps_per_epoch=1)
        model.fit(batches, callbacks=[pseudo], verbose=0)
        return pseudo

    return begin_round


def test_small_clusters_are_filled_up_with_repetitions(pictures, labelled):
    # Cluster 0 has 37 images, the others 1 each.
    assignments = np.maximum(np.arange(40) - 36, 0)
    numbers, labels = batch_of(
        labelled(pictures[0], assignments),
        classes_per_batch=4,
        images_per_class=5,
    )
    np.testing.assert_array_equal(labels, assignments[numbers])
    counts = {one: np.sum(labels == one) for one in set(labels)}
    assert counts == {0: 5, 1: 5, 2: 5, 3: 5}
    assert set(numbers[labels == 2]) == {38}


def test_too_few_clusters_are_drawn_repeatedly(pictures, labelled):
    numbers, labels = batch_of(
        labelled(pictures[0], np.arange(40) % 3),
        classes_per_batch=7,
        images_per_class=2,
    )
    np.testing.assert_array_equal(labels, numbers % 3)
    # 7 draws of 3 clusters: 2 or 3 of each, of 2 images.
    assert sorted(np.bincount(labels)) == [4, 4, 6]


def test_too_few_clusters_are_warned_of(tiny_images, model, caplog):
    pseudo = pseudo_labels(
        tiny_images[0],
        num_clusters=None,
        clusterer=Clusterer(np.arange(40) % 3),
    )
    fit(model, pseudo, epochs=1)
    assert "Only 3 clusters have members: batches of 4" in caplog.text


def test_noise_is_not_drawn(pictures, labelled):
    assignments = np.where(np.arange(40) % 4 == 0, -1, np.arange(40) % 2)
    pseudo = labelled(pictures[0], assignments)
    drawn = np.concatenate(
        [
            images[:, 0, 0, 0].numpy()
            for images, _ in pseudo.batches(2, 5, steps_per_epoch=20)
        ]
    )
    np.testing.assert_array_equal(
        np.unique(drawn), np.flatnonzero(assignments >= 0)
    )
    assert pseudo.rounds[0].num_noise == 10


def test_density_finds_its_own_number_of_clusters(tiny_images, model):
    pseudo = pseudo_labels(
        tiny_images[0],
        num_clusters=None,
        clusterer=lambda embeddings, previous: kd.clustering.hdbscan(
            embeddings, min_cluster_size=3
        ),
        true_labels=tiny_images[1],
    )
    history = fit(model, pseudo)
    assert np.isfinite(history["loss"]).all()
    assert pseudo.rounds[0].num_clusters > 1


def test_batches_are_set_by_seed_step_and_labels(pictures, labelled):
    def numbers(seed, assignments):
        pseudo = labelled(pictures[0], assignments, seed=seed)
        batches = pseudo.batches(4, 2)
        return [
            images[:, 0, 0, 0].numpy().tolist()
            for _ in range(2)
            for images, _ in batches
        ]

    labels = np.arange(40) // 5
    first = numbers(1, labels)
    assert numbers(1, labels) == first
    assert numbers(2, labels) != first
    assert numbers(1, np.arange(40) % 8) != first


@pytest.mark.parametrize("kind", ["paths", "dataset"])
def test_images_may_be_files_or_a_dataset(kind, tiny_images, model, tmp_path):
    images = tiny_images[0]
    if kind == "dataset":
        source = tf.data.Dataset.from_tensor_slices(images)
    else:
        source = [tmp_path / f"{number}.png" for number in range(40)]
        for path, image in zip(source, images, strict=True):
            path.write_bytes(tf.io.encode_png(image).numpy())
    weights = model.get_weights()
    assignments = []
    for one in (images, source):
        model.set_weights(weights)
        pseudo = pseudo_labels(one, image_size=16)
        fit(model, pseudo, epochs=1)
        assignments.append(pseudo.clustering.assignments)
    np.testing.assert_array_equal(*assignments)


@pytest.mark.parametrize(
    ("verbose", "fit_verbose", "shown"),
    [("auto", 1, True), ("auto", 0, False), (1, 0, True), (0, 1, False)],
)
def test_progress_bars_can_be_switched(
    verbose, fit_verbose, shown, tiny_images, model, capfd
):
    pseudo = pseudo_labels(tiny_images[0], verbose=verbose)
    model.fit(
        pseudo.batches(4, 5), callbacks=[pseudo], verbose=fit_verbose, epochs=1
    )
    printed = capfd.readouterr().out
    assert ("/image" in printed) == shown
    assert ("/iteration" in printed) == shown


def test_state_moves_to_another_object(tiny_images, model, tmp_path):
    images, labels = tiny_images
    pseudo = pseudo_labels(images, true_labels=labels)
    fit(model, pseudo, epochs=3)
    # As `resumable_fit` keeps it.
    np.savez(tmp_path / "state.npz", **pseudo.get_state())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        other = pseudo_labels(images, true_labels=labels)
        other.set_state(dict(state))
    assert repr(other.rounds) == repr(pseudo.rounds)
    for one, two in zip(other.clustering, pseudo.clustering, strict=True):
        np.testing.assert_array_equal(one, two)
        assert type(one) is type(two)


def test_batches_without_the_callback_say_what_is_missing(tiny_images, model):
    batches = pseudo_labels(tiny_images[0]).batches(4, 5)
    with pytest.raises(tf.errors.OpError, match="to fit, in callbacks"):
        model.fit(batches, verbose=0)


def test_model_without_features_is_refused(tiny_images):
    plain = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
    plain.compile("sgd", "mse")
    pseudo = pseudo_labels(tiny_images[0])
    with pytest.raises(TypeError, match="received Sequential"):
        plain.fit(pseudo.batches(4, 5), callbacks=[pseudo], verbose=0)


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (np.zeros(39, int), r"each of 40 embeddings.*\(39,\)"),
        (np.full(40, -1), "a cluster among 40 embeddings; received only noise"),
    ],
)
def test_bad_clusterings_are_named(assignments, message, tiny_images, model):
    pseudo = pseudo_labels(
        tiny_images[0], num_clusters=None, clusterer=Clusterer(assignments)
    )
    with pytest.raises(ValueError, match=message):
        fit(model, pseudo)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_clusters": 41}, r"in 1\.\.40.*received 41"),
        ({"num_clusters": 0}, r"in 1\.\.40.*received 0"),
        ({"num_clusters": None}, "one of num_clusters and clusterer"),
        ({"clusterer": print}, "one of num_clusters and clusterer"),
        ({"every": 0}, "every must be at least 1; received 0"),
        ({"true_labels": [1, 2]}, r"one an image, 40; received shape \(2,\)"),
        ({"images": [b"x"] * 40}, "image_size must be given"),
    ],
)
def test_bad_arguments_are_named(change, message, tiny_images):
    arguments = {"images": tiny_images[0], **change}
    with pytest.raises(ValueError, match=message):
        pseudo_labels(**arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes_per_batch": 9}, "at most 8, num_clusters; received 9"),
        (
            {"classes_per_batch": 0},
            "classes_per_batch must be at least 1; received 0",
        ),
        ({"images_per_class": 1}, "at least 2.*received 1"),
        ({"steps_per_epoch": 0}, "steps_per_epoch.*received 0"),
    ],
)
def test_bad_arguments_of_batches_are_named(change, message, tiny_images):
    arguments = {"classes_per_batch": 4, "images_per_class": 5, **change}
    with pytest.raises(ValueError, match=message):
        pseudo_labels(tiny_images[0]).batches(**arguments)


@pytest.mark.slow
def test_embedding_60000_images_stays_under_a_gibibyte(run_forked):
    script = pathlib.Path(__file__).parent / "large_round.py"
    bytes_used = int(run_forked(script.read_text()))
    # Two arrays of 60,000 x 512 floats alone are 0.23 GiB.
    assert 0.1 * 2**30 < bytes_used < 2**30
