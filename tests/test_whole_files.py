"""What readers see of files that are being written."""

import errno
import os
import stat

import pytest

from keras_dvml import whole_files
from keras_dvml.whole_files import whole_file, whole_folder, whole_folders


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


def test_folders_appear_together_in_their_order(tmp_path, monkeypatch):
    targets = [tmp_path / "b" / "1", tmp_path / "a" / "1"]
    rename, appeared = os.rename, []

    def recorded(source, target):
        appeared.append(target)
        rename(source, target)

    monkeypatch.setattr(os, "rename", recorded)
    with whole_folders(*targets) as folders:
        for name, folder in enumerate(folders):
            with open(os.path.join(folder, str(name)), "w"):
                assert not any(target.exists() for target in targets)
    assert appeared == [str(target) for target in targets]
    assert [os.listdir(target) for target in targets] == [["0"], ["1"]]


def test_folder_that_cannot_appear_takes_the_others_with_it(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    with pytest.raises(OSError, match="second"):
        with whole_folders(first, second) as (folder, _):
            with open(os.path.join(folder, "file"), "w"):
                pass
            # Somebody else takes the place meanwhile.
            second.mkdir()
            (second / "theirs").write_text("theirs")
    assert os.listdir(tmp_path) == ["second"]
    assert (second / "theirs").read_text() == "theirs"


@pytest.fixture
def written(monkeypatch):
    """Lists what is written to disk and renamed, in order, by path."""
    fsync, events = os.fsync, []

    def recorded_fsync(descriptor):
        fsync(descriptor)
        events.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    def recorder(rename):
        def recorded(source, target):
            rename(source, target)
            events.append((source, target))

        return recorded

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "rename", recorder(os.rename))
    monkeypatch.setattr(os, "replace", recorder(os.replace))
    return events


needs_proc = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="this system has no /proc"
)


@needs_proc
def test_all_of_a_folder_is_on_disk_before_its_name_is(tmp_path, written):
    target = tmp_path / "folder"
    with whole_folder(target) as folder:
        os.mkdir(os.path.join(folder, "inside"))
        for name in ("first", os.path.join("inside", "second")):
            with open(os.path.join(folder, name), "w") as file:
                file.write("content")
    before, (renamed,), after = written[:4], written[4:5], written[5:]
    names = ("", "/first", "/inside", "/inside/second")
    assert sorted(before) == [f"{folder}{name}" for name in names]
    assert renamed == (folder, str(target))
    assert after == [str(tmp_path)]


@needs_proc
def test_all_of_a_file_is_on_disk_before_its_name_is(tmp_path, written):
    with whole_file(tmp_path / "file") as file:
        file.write(b"content")
    assert written == [
        file.name,
        (file.name, str(tmp_path / "file")),
        str(tmp_path),
    ]


def test_file_system_that_cannot_sync_folders_is_no_failure(
    tmp_path, monkeypatch
):
    fsync = os.fsync

    def files_only(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    with whole_file(tmp_path / "file") as file:
        file.write(b"content")
    with whole_folder(tmp_path / "folder"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_disk_that_fails_to_write_leaves_no_folder(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        with whole_folder(tmp_path / "folder"):
            pass
    assert os.listdir(tmp_path) == []


def in_store(path):
    from tensorflow.io import gfile

    if not gfile.exists(path):
        return None
    with gfile.GFile(path, "rb") as file:
        return file.read()


def test_uris_are_written_when_complete_and_make_no_folder(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with whole_file("ram://bucket/new/file") as file:
        file.write(b"half")
        assert in_store("ram://bucket/new/file") is None
        file.write(b" and half")
    assert in_store("ram://bucket/new/file") == b"half and half"
    with pytest.raises(OSError, match="disk"):
        with whole_file("ram://bucket/new/file") as file:
            raise OSError("disk full")
    assert in_store("ram://bucket/new/file") == b"half and half"
    assert not list(tmp_path.iterdir())


def test_folder_of_a_store_has_the_saved_model_last(tmp_path, monkeypatch):
    copy, copied = whole_files._copy_to_store, []

    def recorded(path, target):
        copy(path, target)
        copied.append(target)

    monkeypatch.setattr(whole_files, "_copy_to_store", recorded)
    target = "ram://bucket/whole/1"
    with whole_folder(target) as folder:
        for name in ("saved_model.pb", "variables", "z"):
            with open(os.path.join(folder, name), "w") as file:
                file.write(name)
        assert not copied
    assert copied[-1] == f"{target}/saved_model.pb" and len(copied) == 3
    assert in_store(f"{target}/variables") == b"variables"
    assert not os.path.exists(folder)
    with pytest.raises(FileExistsError, match=target):
        with whole_folder(target):
            pass


def test_folder_that_cannot_be_copied_leaves_none(monkeypatch):
    def broken(path, target):
        copy(path, target)
        if "first" not in target:
            raise OSError("network down")

    copy = whole_files._copy_to_store
    monkeypatch.setattr(whole_files, "_copy_to_store", broken)
    targets = "ram://bucket/first", "ram://bucket/second"
    with pytest.raises(OSError, match="network"):
        with whole_folders(*targets) as folders:
            for folder in folders:
                with open(os.path.join(folder, "file"), "w"):
                    pass
    assert [in_store(f"{target}/file") for target in targets] == [None, None]
