import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def module():
    from pipelines.ingestion import image_example_gen

    return image_example_gen


def bad_files(count):
    return [{"path": f"{i}.png", "reason": "empty"} for i in range(count)]


def test_no_bad_file_is_no_news(module, caplog):
    module.check_quarantine([], 10, max_bad_fraction=0.0)
    assert not caplog.records


def test_a_few_bad_files_are_warned_of_and_counted(module, caplog):
    module.check_quarantine(bad_files(7), 993, max_bad_fraction=0.01)
    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("pipelines")
    ]
    # Five by name, and the sum.
    assert len(lines) == 6
    assert lines[0] == "Quarantined 0.png: empty"
    assert lines[-1] == "Quarantined 7 of 1000 files."


def test_too_many_bad_files_are_an_error_with_names_and_numbers(module):
    with pytest.raises(
        ValueError, match=r"2 of 100 files are bad \(2.0%\).*1.0%.*0.png: empty"
    ):
        module.check_quarantine(bad_files(2), 98, max_bad_fraction=0.01)


def test_classes_in_both_splits_are_an_error(module):
    sizes = {"train": {"a": 2, "b": 2}, "test": {"b": 2, "c": 2}}
    with pytest.raises(ValueError, match=r"must not overlap.*\['b'\]"):
        module.check_class_sizes(sizes)


def test_class_with_one_image_to_train_on_is_an_error(module):
    sizes = {"train": {"a": 2, "b": 1}, "test": {"c": 1, "d": 2}}
    with pytest.raises(ValueError, match=r"at least 2 images.*\['b'\]"):
        module.check_class_sizes(sizes)


def test_single_test_image_is_a_distractor_not_an_error(module):
    module.check_class_sizes(
        {"train": {"a": 2, "b": 2}, "test": {"c": 1, "d": 2}}
    )


def test_split_that_lost_its_classes_is_an_error(module):
    sizes = {"train": {"a": 2, "b": 2}, "test": {"c": 1}}
    with pytest.raises(
        ValueError, match=r"`test`.*at least 2 classes.*\['c'\]"
    ):
        module.check_class_sizes(sizes)


@pytest.mark.parametrize(
    ("num_train", "num_test", "split"), [(1, 5, "train"), (9, 0, "test")]
)
def test_unlabelled_split_that_lost_its_images_is_an_error(
    module, num_train, num_test, split
):
    sizes = {"train": {"": num_train}, "test": {"": num_test}}
    with pytest.raises(ValueError, match=f"Split `{split}`"):
        module.check_split_sizes(sizes)


def test_unreadable_file_carries_its_reason(tmp_path):
    from pipelines.ingestion.beam_reading import _read_file
    from pipelines.ingestion.folder import ImageFile

    file = ImageFile(str(tmp_path / "gone"), "gone", "train", 0, "class")
    assert _read_file(file).failure == (
        "cannot be read: No such file or directory"
    )


def test_name_that_is_not_unicode_is_a_failure(tmp_path):
    from pipelines.ingestion.beam_reading import _read_file
    from pipelines.ingestion.folder import ImageFile

    path = tmp_path / "a.png"
    path.write_bytes(b"a")
    file = ImageFile(str(path), "\udcff.png", "train", 0, "class")
    assert _read_file(file).failure == "its name is not UTF-8"
