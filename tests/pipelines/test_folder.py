import os
import subprocess
import sys

import pytest

from pipelines.sources.folder import folder_fingerprint, scan_folder


@pytest.fixture
def folder(tmp_path, write_images):
    return write_images(tmp_path / "images", num_classes=5, images_per_class=2)


def test_first_half_of_the_classes_is_trained_on(folder):
    splits = {file.label_name: file.split for file in scan_folder(str(folder))}
    # Five classes: the odd one goes to training.
    assert splits == {
        "class_0": "train",
        "class_1": "train",
        "class_2": "train",
        "class_3": "test",
        "class_4": "test",
    }


def test_ids_are_paths_in_the_folder_and_labels_count_classes(folder):
    files = scan_folder(str(folder))
    assert files[3].image_id == "class_1/1.png"
    assert [file.label for file in files] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_files_in_sub_folders_belong_to_the_class_above(folder):
    (folder / "class_1" / "more").mkdir()
    (folder / "class_1" / "more" / "a.png").write_bytes(b"a")
    files = {file.image_id: file for file in scan_folder(str(folder))}
    assert files["class_1/more/a.png"].label_name == "class_1"


def test_hidden_files_and_clutter_are_passed_over(folder):
    before = scan_folder(str(folder))
    (folder / ".git").mkdir()
    (folder / "class_0" / ".DS_Store").write_bytes(b"x")
    (folder / "class_0" / "Thumbs.db").write_bytes(b"x")
    assert scan_folder(str(folder)) == before


def test_files_outside_classes_are_named_in_a_warning(folder, caplog):
    (folder / "notes.txt").write_text("x")
    assert len(scan_folder(str(folder))) == 10
    assert "Passed over 1 files" in caplog.text
    assert "notes.txt" in caplog.text


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="`folder` must be an existing.*nope"):
        scan_folder(str(tmp_path / "nope"))


def test_flat_folder_is_told_what_is_expected(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    with pytest.raises(ValueError, match="at least 4 sub-folders.*1 files"):
        scan_folder(str(tmp_path))


def test_fingerprint_is_the_same_for_the_same_files(folder):
    assert folder_fingerprint(str(folder)) == folder_fingerprint(str(folder))


@pytest.mark.parametrize("change", ["content", "name", "time"])
def test_fingerprint_changes_with_the_files(folder, change):
    before = folder_fingerprint(str(folder))
    path = folder / "class_0" / "0.png"
    if change == "content":
        path.write_bytes(path.read_bytes() + b"more")
    elif change == "name":
        path.rename(folder / "class_0" / "new.png")
    else:
        os.utime(path, ns=(0, 0))
    assert folder_fingerprint(str(folder)) != before


def test_broken_link_is_left_to_the_quarantine(folder):
    (folder / "class_0" / "link.png").symlink_to(folder / "gone")
    folder_fingerprint(str(folder))
    assert len(scan_folder(str(folder))) == 11


def test_scanning_needs_no_tensorflow():
    code = "import sys, pipelines.sources.folder; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "tensorflow" not in modules and "tfx" not in modules
