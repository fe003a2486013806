import os
import subprocess
import sys

import pytest

from keras_dvml.class_split import held_out_classes
from pipelines.ingestion.folder import (
    files_fingerprint,
    scan_folder,
    scan_unlabelled,
)


@pytest.fixture
def folder(tmp_path, write_images):
    return write_images(tmp_path / "images", num_classes=5, images_per_class=2)


@pytest.fixture
def flat(tmp_path):
    """Thirty files that need be no images to be listed, five a level down."""
    (tmp_path / "flat" / "more").mkdir(parents=True)
    for i in range(30):
        place = tmp_path / "flat" / ("more" if i < 5 else "")
        (place / f"{i}.png").write_bytes(b"a")
    return tmp_path / "flat"


def folder_fingerprint(folder):
    return files_fingerprint(scan_folder(folder))


def tested_classes(folder, *arguments, **options):
    files = scan_folder(str(folder), *arguments, **options)
    splits = {(file.label_name, file.split) for file in files}
    assert len(splits) == len({name for name, _ in splits})
    return {name for name, split in splits if split == "test"}


def test_classes_to_test_on_are_drawn_by_their_names(folder):
    names = [f"class_{number}" for number in range(5)]
    for seed in range(4):
        drawn = held_out_classes(names, seed=seed)
        assert tested_classes(folder, seed=seed) == drawn


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


@pytest.fixture
def nas(tmp_path):
    """Ten files that a link may lead to."""
    (tmp_path / "nas" / "2026").mkdir(parents=True)
    for i in range(10):
        (tmp_path / "nas" / "2026" / f"{i}.png").write_bytes(b"a")
    return tmp_path / "nas"


def ids_of(files):
    return [file.image_id for file in files]


def test_links_to_folders_are_followed(flat, nas, folder):
    (flat / "album").symlink_to(nas)
    ids = ids_of(scan_unlabelled(str(flat)))
    assert len(ids) == 40 and "album/2026/0.png" in ids
    # A class may be one, or have one within.
    (folder / "class_9").symlink_to(nas)
    assert len(scan_folder(str(folder))) == 20
    (folder / "class_9").unlink()
    (folder / "class_0" / "more").symlink_to(nas)
    labels = {file.image_id: file.label for file in scan_folder(str(folder))}
    assert labels["class_0/more/2026/7.png"] == 0


def test_each_folder_is_read_once_whatever_links_lead_to_it(
    flat, nas, folder, caplog
):
    before = ids_of(scan_unlabelled(str(flat)))
    (flat / "more" / "up").symlink_to(flat)
    (flat / "a").symlink_to(flat / "more")
    assert ids_of(scan_unlabelled(str(flat))) == before
    assert "Passed over 2 links to folders that are read already" in caplog.text
    # Two links: the first by name.
    (flat / "b").symlink_to(nas)
    (flat / "c").symlink_to(nas / "2026")
    ids = ids_of(scan_unlabelled(str(flat)))
    assert len(ids) == 40 and "b/2026/0.png" in ids
    # The same class under a second name would be another.
    classes = scan_folder(str(folder))
    (folder / "again").symlink_to(folder / "class_0")
    assert scan_folder(str(folder)) == classes


@pytest.mark.parametrize(
    "clutter",
    [
        "@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg",
        "#recycle/1.png",
        "@Recycle/1.png",
        "$RECYCLE.BIN/$R1.png",
        "System Volume Information/1.png",
        "__MACOSX/._1.png",
        "lost+found/1.png",
        ".@__thumb/1.png",
    ],
)
def test_what_storage_devices_leave_is_passed_over_and_counted(
    clutter, flat, folder, caplog
):
    for place, scan in (
        (flat / "more", scan_unlabelled),
        (flat, scan_unlabelled),
        (folder / "class_0", scan_folder),
        (folder, scan_folder),
    ):
        root = str(flat if scan is scan_unlabelled else folder)
        before = scan(root)
        path = place / clutter
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a")
        caplog.clear()
        assert scan(root) == before
        name = clutter.partition("/")[0]
        assert "Passed over 1 hidden" in caplog.text and name in caplog.text
        path.unlink()
        path.parent.rmdir()
        if (place / name).exists():
            (place / name).rmdir()


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


def test_ratio_holds_out_images_of_every_class(folder):
    files = scan_folder(str(folder), "ratio")
    # Half of two images each.
    for label in range(5):
        splits = [file.split for file in files if file.label == label]
        assert sorted(splits) == ["test", "train"]


def test_share_of_classes_to_test_on_may_be_given(tmp_path, write_images):
    folder = write_images(tmp_path / "ten", num_classes=10, images_per_class=1)
    names = [f"class_{number}" for number in range(10)]
    drawn = held_out_classes(names, test_fraction=0.3)
    assert tested_classes(folder, test_fraction=0.3) == drawn


def test_given_splits_are_sub_folders(tmp_path, write_images):
    write_images(tmp_path / "set" / "train", 3, 2)
    write_images(tmp_path / "set" / "test", 1, 1)
    (tmp_path / "set" / "test" / "class_0").rename(
        tmp_path / "set" / "test" / "class_9"
    )
    files = scan_folder(str(tmp_path / "set"), "given")
    assert {(file.label_name, file.label, file.split) for file in files} == {
        ("class_0", 0, "train"),
        ("class_1", 1, "train"),
        ("class_2", 2, "train"),
        ("class_9", 3, "test"),
    }
    assert files[-1].image_id == "test/class_9/0.png"


def test_given_splits_of_images_without_labels(flat):
    (flat / "more").rename(flat / "test")
    (flat / "train").mkdir()
    for path in flat.glob("*.png"):
        path.rename(flat / "train" / path.name)
    files = scan_unlabelled(str(flat), "given")
    tested = {file.image_id for file in files if file.split == "test"}
    assert tested == {f"test/{i}.png" for i in range(5)}
    assert len(files) == 30


def test_given_splits_that_are_not_there_are_named(folder):
    with pytest.raises(ValueError, match=r"split='given'.*'train', 'test'"):
        scan_folder(str(folder), "given")


def test_scanning_needs_no_tensorflow():
    code = "import sys, pipelines.ingestion.folder; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "tensorflow" not in modules and "tfx" not in modules


def test_unlabelled_files_have_ids_and_no_labels(flat):
    files = scan_unlabelled(str(flat))
    ids = [file.image_id for file in files]
    assert len(ids) == 30 and ids == sorted(ids)
    assert "more/0.png" in ids and "29.png" in ids
    assert {(file.label, file.label_name) for file in files} == {(None, None)}


def test_one_unlabelled_file_in_ten_is_held_out(flat):
    splits = [file.split for file in scan_unlabelled(str(flat))]
    assert (splits.count("test"), splits.count("train")) == (3, 27)


def test_a_new_file_changes_few_of_those_held_out(flat):
    def held_out():
        files = scan_unlabelled(str(flat))
        return {file.image_id for file in files if file.split == "test"}

    before = held_out()
    (flat / "new.png").write_bytes(b"a")
    # One more of 31 files, which may be the new one.
    assert len(held_out() & before) >= 2


def test_held_out_files_are_not_the_first_by_name(flat):
    files = scan_unlabelled(str(flat))
    places = [i for i, file in enumerate(files) if file.split == "test"]
    assert places != [0, 1, 2]


def test_unlabelled_folder_with_too_few_files_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    with pytest.raises(ValueError, match="at least 20 images.*1 files"):
        scan_unlabelled(str(tmp_path))


def test_missing_unlabelled_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="folder of images.*nope"):
        scan_unlabelled(str(tmp_path / "nope"))
