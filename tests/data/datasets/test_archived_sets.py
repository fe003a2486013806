"""Tests of the builders over archives, on archives of the same layout."""

import pathlib
import runpy

import numpy as np
import pytest
import tensorflow_datasets as tfds

# Makes the builders known to TFDS.
import keras_dvml.data.datasets  # noqa: F401

ARCHIVES = runpy.run_path(
    str(pathlib.Path(__file__).with_name("write_archives.py"))
)
WRITERS = {
    "cub200_retrieval": ARCHIVES["write_cub"],
    "cars196_retrieval": ARCHIVES["write_cars"],
    "online_products_retrieval": ARCHIVES["write_products"],
}
# Classes and images of the zero-shot protocol, with images of the whole set:
# CUB has 11,788 and Cars 16,185, SOP 120,053.
PROTOCOL = {
    "cub200_retrieval": ((100, 5864), (100, 5924), 11788),
    "cars196_retrieval": ((98, 8054), (98, 8131), 16185),
    "online_products_retrieval": ((11318, 59551), (11316, 60502), 120053),
}
each_set = pytest.mark.parametrize("name", WRITERS)


def prepare(name, folder, config="part"):
    builder = tfds.builder(f"{name}/{config}", data_dir=folder / "prepared")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=folder / "archives"
        )
    )
    return builder


def read(builder, split):
    examples = builder.as_dataset(
        split=split, decoders={"image": tfds.decode.SkipDecoding()}
    )
    return {row["id"].decode(): row for row in tfds.as_numpy(examples)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Name -> (builder, image id -> JPEG file) of 5 classes x 3 images."""
    sets = {}
    for name, write in WRITERS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "archives").mkdir()
        files = write(folder / "archives", ARCHIVES["draw_classes"](5, 3))
        sets[name] = prepare(name, folder), files
    return sets


@each_set
def test_protocol_is_asserted_for_the_whole_set(name):
    train, test, num_images = PROTOCOL[name]
    sizes = tfds.builder_cls(name).SIZES
    assert (tuple(sizes["train"]), tuple(sizes["test"])) == (train, test)
    assert train[1] + test[1] == num_images
    assert tfds.builder_cls(name).NUM_CLASSES == train[0] + test[0]


@each_set
def test_images_are_stored_as_they_lie_in_the_archive(name, prepared):
    builder, files = prepared[name]
    stored = {
        image_id: example["image"]
        for split in ("train", "test")
        for image_id, example in read(builder, split).items()
    }
    assert stored == files


@pytest.mark.parametrize(
    ("name", "trained"),
    [
        # The larger half of five classes.
        ("cub200_retrieval", {0, 1, 2}),
        ("cars196_retrieval", {0, 1, 2}),
        # As the set's own lists have it.
        ("online_products_retrieval", {0, 1}),
    ],
)
def test_last_half_of_the_classes_is_never_trained_on(name, trained, prepared):
    builder, _ = prepared[name]
    labels = {
        split: {int(row["label"]) for row in read(builder, split).values()}
        for split in ("train", "test")
    }
    assert labels == {"train": trained, "test": {0, 1, 2, 3, 4} - trained}


@pytest.mark.parametrize(
    ("name", "image_id", "label_name"),
    [
        (
            "cub200_retrieval",
            "002.Bird_2/Bird_2_0001.jpg",
            "002.Bird_2",
        ),
        # The second class' second image of three each: the fifth of all.
        ("cars196_retrieval", "000005.jpg", "Maker Model 2 2012"),
        (
            "online_products_retrieval",
            "bicycle_final/111085122872_1.JPG",
            "bicycle 00002",
        ),
    ],
)
def test_an_image_keeps_the_name_of_its_class(
    name, image_id, label_name, prepared
):
    builder, _ = prepared[name]
    example = read(builder, "train")[image_id]
    assert int(example["label"]) == 1
    assert example["label_name"].decode() == label_name


@each_set
def test_a_part_is_not_taken_for_the_whole_set(name, tmp_path):
    (tmp_path / "archives").mkdir()
    WRITERS[name](tmp_path / "archives", ARCHIVES["draw_classes"](4, 2))
    num_classes, num_images = PROTOCOL[name][0]
    with pytest.raises(
        ValueError,
        match=f"must have {num_classes:,} classes and {num_images:,} images; "
        f"received 2 and 4.*{name}/part",
    ):
        prepare(name, tmp_path, "whole")


@each_set
def test_whole_set_is_accepted_by_its_counts(name, tmp_path, monkeypatch):
    from keras_dvml.data.datasets.archived_images import SplitSize

    (tmp_path / "archives").mkdir()
    WRITERS[name](tmp_path / "archives", ARCHIVES["draw_classes"](4, 2))
    sizes = {"train": SplitSize(2, 4), "test": SplitSize(2, 4)}
    monkeypatch.setattr(tfds.builder_cls(name), "SIZES", sizes)
    builder = prepare(name, tmp_path, "whole")
    assert builder.info.splits["test"].num_examples == 4


@each_set
def test_missing_archive_is_named(name, tmp_path):
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "other.txt").write_text("x")
    with pytest.raises(FileNotFoundError, match="must exist"):
        prepare(name, tmp_path)


@each_set
def test_empty_folder_is_told_where_the_archive_comes_from(name, tmp_path):
    (tmp_path / "archives").mkdir()
    with pytest.raises(AssertionError, match="https?://"):
        prepare(name, tmp_path)


def test_image_that_only_the_list_has_is_an_error(tmp_path):
    import tarfile

    (tmp_path / "archives").mkdir()
    folder = tmp_path / "archives"
    files = ARCHIVES["write_cars"](folder, ARCHIVES["draw_classes"](4, 2))
    with tarfile.open(folder / "car_ims.tgz", "w:gz") as archive:
        for name in list(files)[1:]:
            (tmp_path / name).write_bytes(files[name])
            archive.add(tmp_path / name, f"car_ims/{name}")
    with pytest.raises(ValueError, match="without 1 of.*car_ims/000001.jpg"):
        prepare("cars196_retrieval", tmp_path)


def test_archive_without_its_lists_is_an_error(tmp_path):
    import tarfile

    (tmp_path / "archives").mkdir()
    (tmp_path / "a.txt").write_text("x")
    archive_path = tmp_path / "archives" / "CUB_200_2011.tgz"
    with tarfile.open(archive_path, "w:gz") as archive:
        archive.add(tmp_path / "a.txt", "CUB_200_2011/images.txt")
    with pytest.raises(
        ValueError, match="without.*image_class_labels.txt.*classes.txt"
    ):
        prepare("cub200_retrieval", tmp_path)


@each_set
def test_fake_data_of_tfds_fits_the_features(name, tmp_path):
    # Made by TFDS from the declared features alone, without any archive.
    with tfds.testing.mock_data(num_examples=4):
        examples = list(
            tfds.as_numpy(tfds.load(name, split="test", data_dir=str(tmp_path)))
        )
    assert len(examples) == 4
    for example in examples:
        assert set(example) == {"image", "label", "label_name", "id"}
        assert example["image"].dtype == np.uint8
        assert example["image"].shape[-1] == 3
        assert 0 <= example["label"] < tfds.builder_cls(name).NUM_CLASSES
