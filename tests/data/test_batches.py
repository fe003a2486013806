import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

import keras_dvml as kd
from keras_dvml.data.batches import sampled_batches
from keras_dvml.data.image_source import image_source


@pytest.fixture
def pictures():
    """30 images, the number of each in its first pixel; 6 classes of 5."""
    images = np.zeros((30, 8, 8, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(30)
    return images, np.arange(30) // 5


def as_kind(kind, images, folder):
    if kind == "array":
        return images
    if kind == "grey":
        return images[..., 0]
    if kind == "float":
        return images.astype(np.float32)
    if kind == "Pillow":
        return [Image.fromarray(image) for image in images]
    if kind == "dataset":
        return tf.data.Dataset.from_tensor_slices(images)
    if kind == "labelled dataset":
        pairs = images[..., :1].astype(np.float32), np.arange(len(images))
        return tf.data.Dataset.from_tensor_slices(pairs)
    encoded = [tf.io.encode_png(image).numpy() for image in images]
    if kind == "bytes":
        return encoded
    if kind == "encoded dataset":
        return tf.data.Dataset.from_tensor_slices(encoded)
    paths = [folder / f"{number}.png" for number in range(len(images))]
    for path, content in zip(paths, encoded, strict=True):
        path.write_bytes(content)
    return paths


every_kind = pytest.mark.parametrize(
    "kind",
    [
        "array", "grey", "float", "dataset", "labelled dataset", "bytes",
        "encoded dataset", "paths", "Pillow",
    ],
)  # fmt: skip


@every_kind
def test_batches_hold_p_classes_of_k_images(kind, pictures, tmp_path):
    images, labels = pictures
    batches = kd.data.balanced_batches(
        as_kind(kind, images, tmp_path),
        labels,
        classes_per_batch=4,
        images_per_class=3,
        image_size=8,
    )
    for batch, batch_labels in batches:
        assert batch.shape == (12, 8, 8, 3)
        numbers = batch[:, 0, 0, 0].numpy()
        np.testing.assert_array_equal(numbers // 5, batch_labels)
        assert len(set(numbers)) == 12
        _, counts = np.unique(batch_labels, return_counts=True)
        assert counts.tolist() == [3, 3, 3, 3]


@every_kind
def test_images_to_embed_come_in_order(kind, pictures, tmp_path):
    images = as_kind(kind, pictures[0], tmp_path)
    batches = list(kd.data.image_batches(images, batch_size=8, image_size=8))
    assert [len(batch) for batch in batches] == [8, 8, 8, 6]
    numbers = np.concatenate(batches)[:, 0, 0, 0]
    np.testing.assert_array_equal(numbers, np.arange(30))


def test_sequence_is_asked_for_no_more_than_it_has(pictures):
    encoded = as_kind("bytes", pictures[0][:3], None)

    class Generated:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            assert index < 3
            return encoded[index]

    (batch,) = kd.data.image_batches(Generated(), image_size=8)
    np.testing.assert_array_equal(batch, pictures[0][:3])


def columns_of(table):
    """The two columns in all the ways that have an order."""
    yield table.path, table.label
    yield table.set_index("path").index, table.label.astype("category")
    yield dict(zip(table.path, table.label, strict=True)).keys(), table.label
    by_place = dict(enumerate(table.path))
    yield by_place.values(), dict(enumerate(table.label)).values()


def test_columns_of_a_shuffled_and_filtered_table_belong_together(
    pictures, tmp_path
):
    paths = as_kind("paths", pictures[0], tmp_path)
    table = pd.DataFrame({"path": map(str, paths), "label": pictures[1]})
    table = table.sample(frac=1, random_state=0)
    table = table[table.label >= 2]
    for paths, labels in columns_of(table):
        batches = kd.data.balanced_batches(
            paths,
            labels,
            classes_per_batch=4,
            images_per_class=5,
            image_size=8,
        )
        for images, batch_labels in batches:
            numbers = images[:, 0, 0, 0].numpy()
            np.testing.assert_array_equal(numbers // 5, batch_labels)
        (images,) = kd.data.image_batches(paths, image_size=8)
        np.testing.assert_array_equal(images[:, 0, 0, 0] // 5, table.label)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"a.png", "b.png"}, "must be a sequence.* received a set"),
        ({"a.png": 1}, "must be a sequence.* received a dict"),
        (["a.png", None], "item of type NoneType in place 1"),
        (pd.Series(["a.png", np.nan]), "item of type float in place 1"),
    ],
)
def test_images_without_order_or_with_gaps_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        kd.data.image_batches(images, image_size=8)


def numbers_of(batches):
    return [batch[:, 0, 0, 0].numpy().tolist() for batch, _ in batches]


def test_epochs_differ_and_a_seed_repeats_them(pictures):
    def two_epochs(seed):
        batches = kd.data.balanced_batches(
            *pictures, classes_per_batch=3, images_per_class=2, seed=seed
        )
        return numbers_of(batches), numbers_of(batches)

    first, second = two_epochs(seed=1)
    assert first != second
    assert two_epochs(seed=1) == (first, second)
    assert two_epochs(seed=2) != (first, second)


def test_an_epoch_uses_about_as_many_images_as_there_are(pictures):
    batches = kd.data.balanced_batches(
        *pictures, classes_per_batch=3, images_per_class=2
    )
    assert batches.cardinality() == 5
    longer = kd.data.balanced_batches(
        *pictures, classes_per_batch=3, images_per_class=2, steps_per_epoch=7
    )
    assert longer.cardinality() == 7


def test_batches_can_be_resumed_at_any_step(pictures):
    def batches():
        return kd.data.balanced_batches(
            *pictures, classes_per_batch=3, images_per_class=2
        )

    original = batches()
    whole = numbers_of(original) + numbers_of(original)
    resumed = batches()
    resumed.position.step = 7
    assert numbers_of(resumed)[:3] == whole[7:]


def test_pinned_position_repeats_its_epoch(pictures):
    batches = kd.data.balanced_batches(
        *pictures, classes_per_batch=3, images_per_class=2
    )
    batches.position.pinned = True
    assert numbers_of(batches) == numbers_of(batches)


def test_every_class_and_image_is_drawn_equally_often(pictures):
    sampler = kd.data.BalancedSampler(pictures[1], 3, 2, seed=0)
    drawn = np.concatenate([sampler.batch(step) for step in range(1000)])
    # 6,000 draws of 30 images: 200 each, standard deviation about 13.
    counts = np.bincount(drawn, minlength=30)
    assert counts.min() > 140 and counts.max() < 260


def test_augmentation_changes_each_image_in_its_own_way(pictures):
    seeds = []

    def change(image, seed):
        tf.py_function(lambda pair: seeds.append(pair.numpy()[1]), [seed], [])
        return image

    batches = kd.data.balanced_batches(
        *pictures, classes_per_batch=3, images_per_class=2, augment=change
    )
    numbers_of(batches), numbers_of(batches)
    assert sorted(seeds) == list(range(60))


def test_small_class_is_an_error_before_training(pictures):
    images, labels = pictures
    labels = np.where(np.arange(30) == 29, 99, labels)
    with pytest.raises(ValueError, match="class 99 with 1.*replacement=True"):
        kd.data.balanced_batches(
            images, labels, classes_per_batch=2, images_per_class=2
        )


def test_small_class_is_repeated_on_request(pictures):
    images, labels = pictures
    batches = kd.data.balanced_batches(
        images[:7],
        labels[:7],
        classes_per_batch=2,
        images_per_class=5,
        replacement=True,
    )
    (numbers,) = numbers_of(batches)
    assert sorted(set(numbers)) == list(range(7))


def test_missing_classes_are_repeated_on_request(pictures):
    sampler = kd.data.BalancedSampler(pictures[1], 8, 2, 0, replacement=True)
    drawn = pictures[1][sampler.batch(step=0)].reshape(8, 2)
    # 8 draws of 6 classes: each once, and two of them twice.
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 1])
    assert sorted(np.bincount(drawn[:, 0])) == [1, 1, 1, 1, 2, 2]


def test_images_without_a_label_can_be_skipped(pictures):
    labels = np.where(np.arange(30) % 5 == 0, -1, pictures[1])
    sampler = kd.data.BalancedSampler(labels, 3, 4, 0, skip_unlabelled=True)
    drawn = np.concatenate([sampler.batch(step) for step in range(50)])
    np.testing.assert_array_equal(np.unique(drawn), np.flatnonzero(labels >= 0))


def test_labels_may_change_from_pass_to_pass(pictures):
    images, labels = pictures
    samplers = [
        kd.data.BalancedSampler(assigned, 3, 2, seed=0)
        for assigned in (labels, labels[::-1].copy())
    ]
    remaining = iter(samplers)
    batches = sampled_batches(
        image_source(images),
        lambda: next(remaining),
        batch_size=6,
        steps_per_epoch=4,
        augment=None,
        seed=0,
    )
    for first_step, sampler in zip((0, 4), samplers, strict=True):
        for step, (batch, batch_labels) in enumerate(batches, first_step):
            numbers = batch[:, 0, 0, 0].numpy()
            np.testing.assert_array_equal(numbers, sampler.batch(step))
            np.testing.assert_array_equal(batch_labels, sampler.labels[numbers])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes_per_batch": 7}, "classes_per_batch .* 1..6.*received 7"),
        ({"images_per_class": 1}, "at least 2.*received 1"),
        ({"labels": np.zeros(29, int)}, "received 29 labels for 30 images"),
        ({"labels": np.full(30, -1)}, "must be >= 0; received -1"),
        ({"labels": np.zeros(30)}, "one integer an image.*float64"),
        ({"seed": -1}, "seed must be at least 0; received -1"),
        ({"steps_per_epoch": 0}, "steps_per_epoch.*received 0"),
        ({"images": np.zeros((30, 8, 8, 3), int)}, "uint8 or float.*int64"),
        ({"images": np.full((30, 8, 8, 3), 0.5)}, "multiply them by 255"),
        ({"images": np.full((30, 8, 8, 3), 256.0)}, "from 256 to 256"),
        ({"images": np.full((30, 8, 8, 3), np.nan)}, "0..255; received"),
        (
            {"images": np.zeros((0, 8, 8, 3), np.uint8)},
            "must hold at least one",
        ),
        ({"images": [b"x"] * 30}, "image_size must be given.*received None"),
        ({"images": [1] * 30}, "an item of type int"),
        ({"images": "folder"}, "received str"),
    ],
)
def test_bad_arguments_are_named(pictures, change, message):
    images, labels = pictures
    arguments = {
        "images": images,
        "labels": labels,
        "classes_per_batch": 3,
        "images_per_class": 2,
        **change,
    }
    with pytest.raises(ValueError, match=message):
        kd.data.balanced_batches(**arguments)


def test_batches_of_no_images_are_refused(pictures):
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        kd.data.image_batches(pictures[0], batch_size=0)


def test_images_are_fitted_to_height_and_width():
    png = tf.io.encode_png(np.full((20, 20, 3), 9, np.uint8)).numpy()
    for image_fit, expected in (("crop", 9), ("stretch", 9), ("pad", 0)):
        batches = kd.data.image_batches(
            [png], image_size=(10, 16), image_fit=image_fit
        )
        (batch,) = batches
        assert batch.shape == (1, 10, 16, 3)
        assert batch[0, 0, :3, 0].numpy().tolist() == [expected] * 3
        assert batch[0, 5, 8, 0] == 9
    with pytest.raises(ValueError, match="image_fit must be one of.*'cut'"):
        kd.data.decode_image(png, 8, "cut")
    for image_size in (0, (8,), (8, 0), 8.0):
        with pytest.raises(ValueError, match="image_size must be a side"):
            kd.data.decode_image(png, image_size)


def without(paths, number, content=None):
    """Breaks one of the files."""
    if content is None:
        paths[number].unlink()
    else:
        paths[number].write_bytes(content)
    return paths


@pytest.fixture
def paths(pictures, tmp_path):
    return as_kind("paths", pictures[0], tmp_path)


NOT_IMAGES = {
    "other": (b"<html>404 not found</html>", "7.png'.* other bytes"),
    "empty": (b"", "7.png'.* no bytes"),
    "gone": (None, "7.png'.*"),
}


@pytest.mark.parametrize("kind", NOT_IMAGES)
def test_file_that_is_no_image_is_named(kind, paths):
    content, message = NOT_IMAGES[kind]
    without(paths, 7, content)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        list(kd.data.image_batches(paths, image_size=8))


@pytest.fixture
def small_model():
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
    model.compile("sgd", loss=kd.losses.NPairLoss())
    return model


# One that begins as an image does, but ends early: found when it is decoded.
@pytest.mark.parametrize("kind", [*NOT_IMAGES, "cut off"])
def test_training_and_embedding_name_the_file_that_fails(
    kind, paths, pictures, small_model
):
    content = {**NOT_IMAGES, "cut off": (paths[7].read_bytes()[:45], "")}[kind]
    without(paths, 7, content[0])
    labels = pictures[1]
    message = f"images must be .* files; received in place 7 '{paths[7]}', "
    batches = kd.data.image_batches(paths, image_size=16)
    with pytest.raises(ValueError, match=message):
        small_model.predict(batches, verbose=0)
    if kind != "cut off":
        return
    training = kd.data.balanced_batches(
        paths, labels, classes_per_batch=6, image_size=16
    )
    with pytest.raises(ValueError, match=message):
        small_model.fit(training, verbose=0)
    pseudo = kd.training.PseudoLabels(paths, 3, image_size=16)
    with pytest.raises(ValueError, match=message):
        small_model.fit(pseudo.batches(2, 2), callbacks=[pseudo], verbose=0)
    evaluation = kd.training.RetrievalEvaluation(paths, labels)
    images = np.zeros((4, 16, 16, 3), np.uint8), np.arange(4) // 2
    with pytest.raises(ValueError, match=message):
        small_model.fit(*images, callbacks=[evaluation], verbose=0)


def fails(image, seed):
    raise RuntimeError("no such colour")


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (lambda image, _: tf.cast(image, tf.float32), r"float32 \(8, 8, 3\)"),
        (lambda image, _: image[:4], r"received uint8 \(4, 8, 3\)"),
        (lambda image, seed: (image, seed), "must return a uint8 image"),
        (lambda image: image, r"must be a function \(image, seed\)"),
        (fails, "(?s)fails on .* no such colour"),
    ],
)
def test_augmentation_is_checked_before_the_first_batch(
    augment, message, pictures, paths
):
    how = {"classes_per_batch": 2, "images_per_class": 2, "augment": augment}
    for images in (pictures[0], paths):
        with pytest.raises(ValueError, match=message):
            kd.data.balanced_batches(images, pictures[1], image_size=8, **how)
