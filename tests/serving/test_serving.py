import importlib
import json
import os
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.serving.warm_up import WARM_UP_FILE


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    return kd.models.DVML(backbone, embedding_dim=8, num_samples=2)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def files(images):
    return [tf.io.encode_png(image).numpy() for image in images]


@pytest.fixture(scope="module")
def embeddings(model, images):
    return model.predict(images, verbose=0)


IDS = [f"photo-{number}" for number in range(40)]


@pytest.fixture
def exact(embeddings):
    return kd.index.ExactIndex.build(embeddings, IDS)


@pytest.fixture(scope="module")
def exported(model, embeddings, tmp_path_factory):
    """The folder of an export with an exact index, for tests that read it."""
    index = kd.index.ExactIndex.build(embeddings, IDS)
    base_path = tmp_path_factory.mktemp("saved_models") / "birds"
    (folder,) = kd.serving.export(model, base_path, index, k=3)
    assert folder == str(base_path / "1")
    return folder


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(exported)


def test_signatures_answer_as_the_keras_model_and_index_do(
    loaded, exact, files, embeddings
):
    assert set(loaded.signatures) == {
        "serving_default",
        "embed",
        "search",
        "search_embedding",
    }
    image_bytes = tf.constant(files)
    for name in ("serving_default", "embed"):
        embedded = loaded.signatures[name](image_bytes=image_bytes)
        np.testing.assert_allclose(embedded["embedding"], embeddings, atol=1e-5)
    ids, scores = exact.search(embeddings, k=3)
    results = loaded.signatures["search"](image_bytes=image_bytes)
    assert results["ids"].numpy().astype("U").tolist() == ids.tolist()
    np.testing.assert_allclose(results["scores"], scores, atol=1e-5)
    by_embedding = loaded.signatures["search_embedding"](
        embedding=tf.constant(embeddings)
    )
    np.testing.assert_array_equal(by_embedding["ids"], results["ids"])


def test_signatures_keep_the_contract_of_names_and_shapes(
    loaded,
):
    signatures = loaded.signatures
    search = signatures["search"]
    _, inputs = search.structured_input_signature
    assert inputs == {
        "image_bytes": tf.TensorSpec([None], tf.string, name="image_bytes")
    }
    assert search.structured_outputs["ids"].shape.as_list() == [None, 3]
    assert search.structured_outputs["scores"].dtype == tf.float32
    embed = signatures["serving_default"]
    shape = embed.structured_outputs["embedding"].shape
    assert shape.as_list() == [None, 8]


def test_model_without_an_index_embeds(model, files, tmp_path):
    (folder,) = kd.serving.export(model, tmp_path / "birds")
    signatures = tf.saved_model.load(folder).signatures
    assert set(signatures) == {"serving_default", "embed"}


def test_plain_keras_model_is_exported_too(tiny_backbone, files, tmp_path):
    (folder,) = kd.serving.export(tiny_backbone, tmp_path / "plain")
    embed = tf.saved_model.load(folder).signatures["embed"]
    images = kd.data.decode_images(tf.constant(files), 16)
    np.testing.assert_allclose(
        embed(image_bytes=tf.constant(files))["embedding"],
        tiny_backbone(tf.cast(images, tf.float32)),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.fixture
def scann(embeddings):
    return kd.index.ScannIndex.build(embeddings, IDS)


@pytest.mark.scann
def test_scann_index_gives_two_flavours_under_one_version(
    model, scann, files, tmp_path, run_forked
):
    folders = kd.serving.export(model, tmp_path / "birds", scann, k=3)
    assert folders == [
        str(tmp_path / "birds" / "1"),
        str(tmp_path / "birds-scann" / "1"),
    ]
    stock, with_scann = map(kd.serving.custom_ops, folders)
    assert stock == []
    assert with_scann == ["Scann>ScannSearchBatched", "Scann>TensorsToScann"]

    (tmp_path / "query.png").write_bytes(files[7])
    printed = run_forked(
        """
import sys
import tensorflow as tf
query = tf.io.read_file(sys.argv[1])[None]
def search(folder):
    model = tf.saved_model.load(folder)
    print(model.signatures["search"](image_bytes=query)["ids"][0, 0].numpy())
search(sys.argv[2])
# The other flavour alone needs ScaNN's operations.
import scann
search(sys.argv[3])
""",
        tmp_path / "query.png",
        *folders,
    )
    assert printed == 2 * "b'photo-7'\n"


@pytest.mark.scann
def test_scann_index_under_the_recall_floor_is_not_exported(
    model, embeddings, tmp_path
):
    class Forgetful(kd.index.ScannIndex):
        def lookup(self, queries, k):
            rows, scores = super().lookup(queries, k)
            return tf.where(tf.range(k) <= k // 2, rows, -1), scores

        def nearest(self, queries, k):
            return kd.index.Index.nearest(self, queries, k)

    index = Forgetful.build(embeddings, IDS, recall_floor=0.0)
    with pytest.raises(ValueError, match="least 0.95.*with 0.500"):
        kd.serving.export(model, tmp_path / "birds", index)
    assert not list(tmp_path.iterdir())


@pytest.mark.scann
def test_flavours_count_alike_where_only_one_is_written(model, scann, tmp_path):
    (tmp_path / "birds-scann" / "4").mkdir(parents=True)
    folders = kd.serving.export(
        model, tmp_path / "birds", scann, k=3, flavours=["exact"]
    )
    assert folders == [str(tmp_path / "birds" / "5")]
    assert os.listdir(tmp_path / "birds-scann") == ["4"]


@pytest.mark.scann
def test_flavours_may_be_chosen(model, scann, exact, tmp_path):
    (folder,) = kd.serving.export(
        model, tmp_path / "birds", scann, k=3, flavours=["scann"]
    )
    assert folder == str(tmp_path / "birds-scann" / "1")
    for index, flavours in ((exact, ["scann"]), (scann, ["hnsw"]), (scann, [])):
        with pytest.raises(ValueError, match="must be among exact"):
            kd.serving.export(
                model, tmp_path / "birds", index, k=3, flavours=flavours
            )


@pytest.mark.scann
def test_exact_flavour_with_custom_operations_is_refused(
    model, scann, embeddings, tmp_path
):
    class Disguised(kd.index.ExactIndex):
        def lookup(self, queries, k):
            return scann.lookup(queries, k)

    index = Disguised.build(embeddings, IDS)
    index.state = scann
    with pytest.raises(ValueError, match="no custom.*Scann>ScannSearchBatched"):
        kd.serving.export(model, tmp_path / "birds", index, k=3)
    assert not list(tmp_path.glob("birds/*"))


def test_changes_of_an_index_are_in_its_export(
    model, exact, embeddings, files, tmp_path
):
    exact.remove(["photo-7"])
    exact.add(embeddings[7:8], ids=["photo-7-again"])
    (folder,) = kd.serving.export(model, tmp_path / "birds", exact, k=40)
    search = tf.saved_model.load(folder).signatures["search"]
    (ids,) = search(image_bytes=tf.constant(files[7:8]))["ids"].numpy()
    assert ids[0] == b"photo-7-again" and b"photo-7" not in ids
    assert exact.is_changed


def test_emptied_index_is_not_exported(model, exact, tmp_path):
    exact.remove(IDS)
    with pytest.raises(ValueError, match=r"received shape \(0, 8\)"):
        kd.serving.export(model, tmp_path / "birds", exact)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("storage", "metric"),
    [
        ("float16", "dot_product"),
        ("int8", "cosine"),
        pytest.param("float16", "cosine", marks=pytest.mark.slow),
        pytest.param("int8", "dot_product", marks=pytest.mark.slow),
    ],
)
def test_every_way_to_keep_and_compare_embeddings_is_served(
    model, embeddings, tmp_path, storage, metric
):
    index = kd.index.ExactIndex.build(
        embeddings, IDS, storage=storage, metric=metric
    )
    (folder,) = kd.serving.export(
        model, tmp_path / "birds", index, k=3, recall_floor=0.0
    )
    search = tf.saved_model.load(folder).signatures["search_embedding"]
    found = search(embedding=tf.constant(3 * embeddings[:9]))
    ids, scores = index.search(3 * embeddings[:9], k=3)
    assert found["ids"].numpy().astype("U").tolist() == ids.tolist()
    np.testing.assert_allclose(found["scores"], scores, rtol=1e-5)


def test_results_say_whether_they_match_where_a_threshold_is_given(
    model, exact, embeddings, files, tmp_path
):
    labels = np.repeat(np.arange(8), 5)
    match = kd.evaluation.calibrate_match_threshold(embeddings, labels)
    (folder,) = kd.serving.export(
        model, tmp_path / "birds", exact, k=3, match_threshold=match
    )
    signatures = tf.saved_model.load(folder).signatures
    for found in (
        signatures["search"](image_bytes=tf.constant(files)),
        signatures["search_embedding"](embedding=tf.constant(embeddings)),
    ):
        assert found["is_match"].shape == (40, 3)
        np.testing.assert_array_equal(
            found["is_match"], found["scores"].numpy() >= match.threshold
        )
    # Both cases are there: a point matches itself, and not every other.
    assert set(found["is_match"].numpy().ravel()) == {True, False}
    with open(os.path.join(folder, "assets.extra", "index.json")) as file:
        facts = json.load(file)
    assert facts["match_threshold"] == match.threshold
    assert facts["false_match_rate"] == match.false_match_rate
    assert facts["true_match_rate"] == match.true_match_rate


def test_threshold_that_is_no_number_is_refused(model, exact, tmp_path):
    with pytest.raises(ValueError, match="must be finite; received nan"):
        kd.serving.export(
            model, tmp_path / "birds", exact, match_threshold=float("nan")
        )


def test_embeddings_that_are_no_numbers_fail_their_request(loaded, embeddings):
    search = loaded.signatures["search_embedding"]
    for bad in (np.nan, np.inf, 1e30):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="embedding must be finite"
        ):
            search(embedding=tf.constant(np.full((1, 8), bad, np.float32)))
    assert search(embedding=tf.constant(embeddings))["ids"].shape == (40, 3)


def test_measured_recall_stands_beside_the_model(exported):
    with open(os.path.join(exported, "assets.extra", "index.json")) as file:
        facts = json.load(file)
    milliseconds = facts.pop("milliseconds")
    assert set(milliseconds) == {"embed", "search", "search_embedding"}
    assert all(value > 0 for value in milliseconds.values())
    assert facts.pop("measured_on").endswith("CPUs, one request at a time")
    assert facts == {
        "index": "ExactIndex",
        "num_embeddings": 40,
        "embedding_dim": 8,
        "metric": "dot_product",
        "storage": "float32",
        "k": 3,
        "match_threshold": None,
        "recall@10": 1.0,
        "tensorflow": tf.__version__,
        "custom_ops": [],
    }


def test_versions_count_up(model, tmp_path):
    (tmp_path / "birds" / "7").mkdir(parents=True)
    (tmp_path / "birds" / "notes").mkdir()
    (folder,) = kd.serving.export(model, tmp_path / "birds")
    assert os.path.basename(folder) == "8"


def test_failed_export_leaves_nothing(model, exact, tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError("No space left on device")

    export_file = importlib.import_module("keras_dvml.serving.export")
    monkeypatch.setattr(export_file, "write_facts", full_disk)
    with pytest.raises(OSError, match="No space left"):
        kd.serving.export(model, tmp_path / "birds", exact)
    assert list((tmp_path / "birds").iterdir()) == []


@pytest.mark.scann
def test_flavour_that_fails_takes_its_twin_with_it(
    model, scann, tmp_path, monkeypatch
):
    export_file = importlib.import_module("keras_dvml.serving.export")
    write_facts, written = export_file.write_facts, []

    def full_in_the_end(folder, *rest):
        written.append(folder)
        if len(written) == 2:
            raise OSError("No space left on device")
        write_facts(folder, *rest)

    monkeypatch.setattr(export_file, "write_facts", full_in_the_end)
    with pytest.raises(OSError, match="No space left"):
        kd.serving.export(model, tmp_path / "birds", scann, k=3)
    assert "birds-scann" in written[0]
    for name in ("birds", "birds-scann"):
        assert list((tmp_path / name).iterdir()) == []


def test_watcher_never_sees_part_of_a_version(model, exact, tmp_path):
    base, partial, done = tmp_path / "birds", [], threading.Event()

    def watch():
        while not done.is_set():
            for version in base.glob("[0-9]*"):
                if not (version / WARM_UP_FILE).is_file():
                    partial.append(version)

    base.mkdir()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        kd.serving.export(model, base, exact, k=3)
    finally:
        done.set()
        watcher.join()
    assert (base / "1" / "saved_model.pb").is_file()
    assert not partial


def test_publishing_copies_a_saved_model_as_the_next_version(model, tmp_path):
    kd.serving.write_saved_model(model, tmp_path / "source")
    first = kd.serving.publish(tmp_path / "source", tmp_path / "birds")
    second = kd.serving.publish(tmp_path / "source", tmp_path / "birds")
    assert [os.path.basename(folder) for folder in (first, second)] == [
        "1",
        "2",
    ]
    assert "embed" in tf.saved_model.load(second).signatures
    with pytest.raises(FileExistsError, match="exists already"):
        kd.serving.publish(tmp_path / "source", tmp_path / "birds", version=2)
    with pytest.raises(ValueError, match="source_dir must hold a SavedModel"):
        kd.serving.publish(tmp_path, tmp_path / "birds")


def test_warm_up_requests_replay(exported, loaded):
    apis = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2",
        reason="TensorFlow Serving's generated classes are not there",
    )
    signatures = loaded.signatures
    replayed = []
    path = os.path.join(exported, WARM_UP_FILE)
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        request = apis.PredictionLog.FromString(record).predict_log.request
        inputs = {
            name: tf.constant(tf.make_ndarray(value))
            for name, value in request.inputs.items()
        }
        name = request.model_spec.signature_name
        outputs = signatures[name](**inputs)
        assert all(len(value) == 1 for value in outputs.values())
        replayed.append(name)
    assert sorted(replayed) == sorted(signatures)


def test_malformed_bytes_fail_that_request_alone(loaded, files):
    search = loaded.signatures["search"]
    for malformed in (b"", b"no image", files[0][:40]):
        with pytest.raises(tf.errors.InvalidArgumentError):
            search(image_bytes=tf.constant([malformed]))
    assert search(image_bytes=tf.constant(files[:1]))["ids"].shape == (1, 3)


def test_arguments_that_do_not_fit_are_named(model, exact, tmp_path):
    with pytest.raises(ValueError, match=r"k must be in 1..40"):
        kd.serving.export(model, tmp_path / "birds", exact, k=41)
    narrow = kd.index.ExactIndex.build(np.eye(12, dtype=np.float32))
    with pytest.raises(ValueError, match="8 dimensions.* of 12"):
        kd.serving.export(model, tmp_path / "birds", narrow)
    assert not list(tmp_path.iterdir())


def test_export_warns_of_nothing(model, exact, tmp_path, caplog, recwarn):
    # AutoGraph tells, in a graph, of lambdas that it cannot tell apart.
    kd.serving.export(model, tmp_path / "quiet", index=exact)
    assert "AutoGraph" not in caplog.text
    assert not [one for one in recwarn if "AutoGraph" in str(one.message)]
