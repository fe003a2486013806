import pathlib

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd


def write(folder, *names):
    png = tf.io.encode_png(np.full((9, 9, 3), 7, np.uint8)).numpy()
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)


def test_sub_folders_are_classes(tmp_path):
    write(tmp_path, "10/b.png", "10/a.png", "9/deep/c.png", "9/.hidden")
    write(tmp_path, "stray.png", "9/Thumbs.db", ".git/x.png")
    (tmp_path / "11").mkdir()
    images, labels = kd.data.from_folder(tmp_path)
    names = [
        pathlib.Path(path).relative_to(tmp_path).as_posix() for path in images
    ]
    # By number: all the names are numbers.
    assert names == ["9/deep/c.png", "10/a.png", "10/b.png"]
    assert labels.tolist() == [0, 1, 1]
    (batch,) = kd.data.image_batches(images, image_size=8)
    assert batch.shape == (3, 8, 8, 3)


def test_classes_are_sorted_by_name(tmp_path):
    write(tmp_path, "wren/1.png", "robin/1.png", "10/1.png")
    images, _ = kd.data.from_folder(str(tmp_path))
    assert [pathlib.Path(path).parent.name for path in images] == [
        "10",
        "robin",
        "wren",
    ]


def test_links_are_followed_and_storage_devices_passed_over(tmp_path):
    write(tmp_path, "elsewhere/2.png", "birds/robin/1.png")
    write(tmp_path, "birds/robin/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg")
    (tmp_path / "birds" / "robin" / "more").symlink_to(tmp_path / "elsewhere")
    images, _ = kd.data.from_folder(tmp_path / "birds")
    names = [pathlib.Path(path).name for path in images]
    assert names == ["1.png", "2.png"]


def test_folder_without_classes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="existing folder.*nowhere"):
        kd.data.from_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="with 1 sub-folders, all empty"):
        kd.data.from_folder(tmp_path)
