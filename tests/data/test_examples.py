import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.data import examples


def write(path, rows):
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for row in rows:
            writer.write(kd.data.encode_example(*row).SerializeToString())
    return str(path)


def test_examples_come_back_as_they_were_written(tmp_path):
    path = write(tmp_path / "a.gz", [(b"\x00\xff", "ä/1.png", 3, "Ärger")])
    (row,) = kd.data.read_examples(path).as_numpy_iterator()
    assert row[examples.IMAGE_BYTES] == b"\x00\xff"
    assert row[examples.IMAGE_ID].decode() == "ä/1.png"
    assert row[examples.LABEL] == 3
    assert row[examples.LABEL_NAME].decode() == "Ärger"


def test_unlabelled_example_has_no_label_feature():
    example = kd.data.encode_example(b"x", "1")
    assert set(example.features.feature) == {"image/encoded", "image/id"}


def test_loading_sorts_by_id_whatever_the_files_order(tmp_path):
    write(tmp_path / "a.gz", [(b"three", "3", 1), (b"", "1", 0)])
    write(tmp_path / "b.gz", [(b"two", "2", 1)])
    loaded = kd.data.load_examples(str(tmp_path / "*.gz"))
    assert loaded.ids.tolist() == ["1", "2", "3"]
    assert loaded.labels.tolist() == [0, 1, 1]
    assert [loaded.image_bytes[i] for i in range(3)] == [b"", b"two", b"three"]


def test_unlabelled_set_has_no_labels(tmp_path):
    path = write(tmp_path / "a.gz", [(b"a", "1"), (b"b", "2")])
    assert kd.data.load_examples(path).labels is None


def test_partly_labelled_set_is_refused(tmp_path):
    path = write(tmp_path / "a.gz", [(b"a", "1"), (b"b", "2", 0)])
    with pytest.raises(ValueError, match="1 without a label among 2"):
        kd.data.load_examples(path)


def test_repeated_id_is_refused(tmp_path):
    path = write(tmp_path / "a.gz", [(b"a", "twin", 0), (b"b", "twin", 1)])
    with pytest.raises(ValueError, match="received 'twin' twice"):
        kd.data.load_examples(path)


def test_missing_and_empty_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.gz"):
        kd.data.load_examples(str(tmp_path / "nothing.gz"))
    path = write(tmp_path / "empty.gz", [])
    with pytest.raises(ValueError, match="file_patterns must.*empty.gz"):
        kd.data.load_examples(path)


def test_spooled_bytes_index_like_a_list():
    rows = kd.data.encoded_images.SpooledBytes([b"a", b"", b"ccc"])
    assert len(rows) == 3 and rows[-1] == b"ccc"
    assert list(rows) == [b"a", b"", b"ccc"]
    with pytest.raises(IndexError):
        rows[3]
    assert np.array_equal(list(rows.take([2, 0])), [b"ccc", b"a"])
    assert list(rows.take([2, 0]).take(np.array([1]))) == [b"a"]


def write_records(path, options, *records):
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return str(path)


@pytest.fixture
def record():
    return kd.data.encode_example(b"a file", "wren.jpg", 1).SerializeToString()


def test_file_that_is_not_compressed_is_named(record, tmp_path):
    path = write_records(tmp_path / "plain.tfrecord", "", record)
    with pytest.raises(ValueError, match="compressed.* received .*plain.tfr"):
        kd.data.load_examples(path)


def test_file_that_is_cut_off_is_named(record, tmp_path):
    write_records(tmp_path / "a.gz", "GZIP", record)
    path = tmp_path / "b.gz"
    write_records(path, "GZIP", *[record * 99 for _ in range(9)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"b.gz', which is not readable"):
        kd.data.load_examples(str(tmp_path / "*.gz"))


def test_file_of_other_examples_is_named(record, tmp_path):
    other = tf.train.Example().SerializeToString()
    path = write_records(tmp_path / "other.gz", "GZIP", record, other)
    with pytest.raises(
        ValueError, match="other.gz.* behind 1 of them: .*image"
    ):
        kd.data.load_examples(path)
    path = write_records(tmp_path / "junk.gz", "GZIP", b"no example")
    with pytest.raises(ValueError, match="junk.gz.* behind 0 of them: "):
        kd.data.load_examples(path)
