"""What readers see of files that are being written."""

import os

import pytest

from keras_dvml.whole_files import whole_file, whole_folder


def test_file_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "new" / "file"
    with whole_file(target) as file:
        file.write(b"half")
        assert not target.exists()
        file.write(b" and half")
    assert target.read_bytes() == b"half and half"
    assert os.listdir(target.parent) == ["file"]


def test_failure_leaves_the_file_that_was_there(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"before")
    with pytest.raises(OSError, match="disk"), whole_file(target) as file:
        file.write(b"half")
        raise OSError("disk full")
    assert target.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]


def test_folder_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "new" / "folder"
    with whole_folder(target) as folder:
        with open(os.path.join(folder, "file"), "w"):
            assert not target.exists()
    assert os.listdir(target) == ["file"]
    assert os.listdir(target.parent) == ["folder"]


def test_failure_leaves_no_folder(tmp_path):
    target = tmp_path / "folder"
    with pytest.raises(OSError, match="disk"), whole_folder(target):
        raise OSError("disk full")
    assert os.listdir(tmp_path) == []


def test_folder_replaces_nothing(tmp_path):
    with pytest.raises(FileExistsError, match=str(tmp_path)):
        with whole_folder(tmp_path):
            pass
