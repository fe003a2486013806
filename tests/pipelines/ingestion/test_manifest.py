import pathlib
import pickle

import pyarrow
import pytest
from pyarrow import parquet

from keras_dvml.class_split import held_out_classes
from pipelines.configs import IngestConfig
from pipelines.ingestion.listing import input_fingerprint, list_files
from pipelines.ingestion.manifest import read_manifest


@pytest.fixture
def write(tmp_path):
    """Writes lines as a CSV file."""

    def write_lines(*lines, name="images.csv"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return str(path)

    return write_lines


@pytest.fixture
def four_classes(write):
    """Four classes of four images."""
    rows = [f"{c}/{i}.png,{c}" for c in "abcd" for i in range(4)]
    return write("path,label", *rows)


def splits_by_class(files):
    return {
        name: [file.split for file in files if file.label_name == name]
        for name in sorted({file.label_name for file in files})
    }


def test_given_splits_labels_and_ids_are_taken_as_they_are(write, tmp_path):
    manifest = write(
        "id,path,label,split,photographer",
        "one,birds/1.png,owl,test,Ann",
        "two,/far/2.png,auk,train,Bob",
    )
    first, second = read_manifest(manifest)
    assert first.path == str(tmp_path / "birds/1.png")
    assert second.path == "/far/2.png"
    assert (first.image_id, first.split) == ("one", "test")
    assert (second.image_id, second.split) == ("two", "train")
    # Numbers go by name: auk, owl.
    assert (first.label, first.label_name) == (1, "owl")
    assert (second.label, second.label_name) == (0, "auk")


def test_classes_to_test_on_are_drawn_by_their_names(four_classes):
    for seed in range(4):
        drawn = held_out_classes("abcd", seed=seed)
        files = read_manifest(four_classes, seed=seed)
        assert splits_by_class(files) == {
            name: ["test" if name in drawn else "train"] * 4 for name in "abcd"
        }


def test_a_quarter_of_the_classes_may_be_tested_on(write):
    rows = [f"{c}/{i}.png,{c}" for c in "abcdefgh" for i in range(2)]
    files = read_manifest(write("path,label", *rows), test_fraction=0.25)
    tested = {file.label_name for file in files if file.split == "test"}
    assert tested == held_out_classes("abcdefgh", test_fraction=0.25)


def test_classes_that_are_numbers_are_in_the_order_of_numbers(write):
    rows = [f"{c}.png,{c}" for c in (1, 2, 10, 20)]
    files = read_manifest(write("path,label", *rows))
    # By text they would be 1, 10, 2, 20.
    assert [file.label for file in files] == [0, 1, 2, 3]


def test_ratio_holds_out_images_of_every_class(four_classes):
    files = read_manifest(four_classes, split="ratio", test_fraction=0.25)
    for splits in splits_by_class(files).values():
        assert sorted(splits) == ["test", "train", "train", "train"]


def test_given_column_of_splits_may_be_left_aside(write):
    rows = [f"{c}.png,{c},train" for c in "abcd"]
    manifest = write("path,label,split", *rows)
    files = read_manifest(manifest, split="classes")
    assert [file.split for file in files].count("test") == 2


def test_without_labels_one_image_in_ten_is_held_out(write):
    manifest = write("path,label", *(f"{i}.png,x" for i in range(30)))
    files = read_manifest(manifest, labelled=False)
    assert [file.split for file in files].count("test") == 3
    assert {(file.label, file.label_name) for file in files} == {(None, None)}


def test_parquet_gives_what_csv_gives(four_classes, tmp_path):
    table = {
        "path": [f"{c}/{i}.png" for c in "abcd" for i in range(4)],
        "label": [c for c in "abcd" for _ in range(4)],
        "size": [16] * 16,
    }
    path = tmp_path / "images.parquet"
    parquet.write_table(pyarrow.table(table), path)
    assert read_manifest(str(path)) == read_manifest(four_classes)


def test_parquet_may_hold_labels_as_numbers(tmp_path):
    table = {"path": ["1.png", "2.png"], "label": [7, 30]}
    table["split"] = ["train", "test"]
    path = tmp_path / "images.parquet"
    parquet.write_table(pyarrow.table(table), path)
    names = [file.label_name for file in read_manifest(str(path))]
    assert names == ["7", "30"]


def test_blanks_around_cells_and_names_of_columns_are_no_part(write):
    rows = [
        f"{c}{i}.png,{' ' * i}{c}\u00a0, {c}{i} "
        for c in "abcd"
        for i in (0, 1)
    ]
    files = read_manifest(write("path , label, id", *rows))
    assert [file.label_name for file in files] == list("aabbccdd")
    assert files[1].image_id == "a1"


def test_one_name_in_two_spellings_of_its_letters_is_one_class(write):
    names = ["caf\u00e9", "cafe\u0301", "bee", "cat", "dog"]
    rows = [f"{i}.png,{name}" for i, name in enumerate(names)]
    files = read_manifest(write("path,label", *rows))
    assert files[0].label_name == files[1].label_name == "caf\u00e9"
    assert len({file.label for file in files}) == 4


def write_parquet(folder, **columns):
    path = folder / "images.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    return str(path)


def test_cells_of_parquet_are_read_as_what_they_say(tmp_path):
    given = {"split": ["train", "test"], "label": [7.0, 30.0]}
    manifest = write_parquet(
        tmp_path, path=[b"1.png", "é.png".encode()], **given
    )
    files = read_manifest(manifest)
    assert [file.image_id for file in files] == ["1.png", "é.png"]
    assert files[1].path == str(tmp_path / "é.png")
    # A column of numbers in which one was missing has become one of floats.
    assert [file.label_name for file in files] == ["7", "30"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [1.0, float("nan")]}, "a label in each row.* row 2"),
        ({"label": ["ant", None]}, "a label in each row.* row 2"),
        ({"label": ["ant", " "]}, "a label in each row.* row 2"),
        ({"label": [["a"], ["b"]]}, "in each cell.* label in row 1.* a list"),
        ({"label": [b"\xff", b"b"]}, "in each cell.* label in row 1.*decode"),
    ],
)
def test_cells_that_say_nothing_are_named(columns, message, tmp_path):
    manifest = write_parquet(tmp_path, path=["1.png", "2.png"], **columns)
    with pytest.raises(ValueError, match=message):
        read_manifest(manifest)


@pytest.mark.parametrize("second", ["label", " label", "note"])
def test_columns_of_one_name_are_refused(second, write, tmp_path):
    first = second.strip()
    message = f"each column once.*'{first}'"
    rows = [f"{c}.png,{c},x,{c}" for c in "abcd"]
    with pytest.raises(ValueError, match=message):
        read_manifest(write(f"path,{first},note2,{second}", *rows))
    table = pyarrow.table([["a.png"]] * 3, names=["path", first, second])
    parquet.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(ValueError, match=message):
        read_manifest(str(tmp_path / "twice.parquet"))


def test_two_ways_to_write_a_path_are_one_image(write, tmp_path):
    others = [f"{c}.png,{c}" for c in "bcd"]
    files = read_manifest(write("path,label", "./sub/../a.png,a", *others))
    assert files[0].image_id == "a.png"
    for second in ("./a.png", "sub/../a.png", f"{tmp_path}/a.png", " a.png"):
        manifest = write("path,label", "a.png,a", *others, f"{second},a")
        with pytest.raises(ValueError, match="line 6 .*, as line 2"):
            read_manifest(manifest)
    # Where each row has an id of its own, the same file may be two images.
    manifest = write(
        "path,label,id", "a.png,a,1", "./a.png,b,2", "c,c,3", "d,d,4"
    )
    assert len(read_manifest(manifest)) == 4


def test_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "images.csv"
    path.write_text("path,label,split\n1.png,a,train\n", "utf-8-sig")
    assert read_manifest(str(path))[0].image_id == "1.png"


def test_quoted_cells_may_hold_commas_and_lines(write):
    manifest = write("path,label,split", '"a, b.png","one\ntwo",train')
    (file,) = read_manifest(manifest)
    assert file.image_id == "a, b.png"
    assert file.label_name == "one\ntwo"


# Line 1 has the names of the columns.
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,label", "a.png,x", ",y"], "a path in each row.*in line 3"),
        (["path,label", "a.png,x", "b.png,"], "a label in .*in line 3"),
        (["path,label", "a.png,x", "b.png"], "a label in .*in line 3"),
        (["path,label,id", "a.png,x, "], "a id in each row.*in line 2"),
        (
            ["path,label,split", "a.png,x,train", "b.png,y,val"],
            r"'train' or 'test'.*in line 3 \('val'\)",
        ),
        (
            ["path,label", "a.png,x", "b.png,x", "a.png,y"],
            r"repeated ones in line 4 \('a.png', as line 2\)",
        ),
        (
            ["path,label,id", "a.png,x,1", "b.png,x,1"],
            r"repeated ones in line 3 \('1', as line 2\)",
        ),
        (["path,label", "a.png,x,z"], "2 cells in each row.*in line 2"),
        (["file,label", "a.png,x"], r"the columns \['path', 'label'\].*'file'"),
        (["path", "a.png"], "labelled=False"),
        (["path,label"], "at least one row"),
        (["path,label", "a,x", "b,y", "c,z"], "at least 4 classes"),
    ],
)
def test_wrong_rows_are_named(write, lines, message):
    with pytest.raises(ValueError, match=message):
        read_manifest(write(*lines))


def test_five_wrong_rows_are_named_and_the_others_counted(write):
    manifest = write("path,label", *(f"{i}.png," for i in range(8)))
    with pytest.raises(ValueError, match="line 2, line 3.* line 6 and 3 more"):
        read_manifest(manifest)


def test_rows_of_parquet_are_counted_from_one(tmp_path):
    path = tmp_path / "images.parquet"
    table = {"path": ["1.png", None], "label": ["a", "b"]}
    parquet.write_table(pyarrow.table(table), path)
    with pytest.raises(ValueError, match="a path in each row.*in row 2"):
        read_manifest(str(path))


def test_split_column_is_asked_for_where_splits_are_given(four_classes):
    with pytest.raises(ValueError, match=r"\['path', 'label', 'split'\]"):
        read_manifest(four_classes, split="given")


@pytest.mark.parametrize("name", ["images.txt", "gone.csv"])
def test_other_file_is_told_what_is_expected(tmp_path, name):
    (tmp_path / "images.txt").write_text("path,label")
    with pytest.raises(ValueError, match="existing .csv or .parquet.*" + name):
        read_manifest(str(tmp_path / name))


def test_file_that_is_no_table_is_told_why(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"nothing of that kind")
    with pytest.raises(ValueError, match="Parquet file.*a.parquet"):
        read_manifest(str(tmp_path / "a.parquet"))
    (tmp_path / "a.csv").write_bytes(b"path,label\n\xff\xfe,x\n")
    with pytest.raises(ValueError, match="UTF-8.*a.csv"):
        read_manifest(str(tmp_path / "a.csv"))


class RunsWhenRead:
    """Makes a file where its pickle is loaded."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return pathlib.Path.touch, (self.marker,)


@pytest.mark.parametrize("nested", [False, True])
def test_parquet_that_would_run_code_is_refused_and_nothing_is_run(
    tmp_path, nested
):
    marker, path = tmp_path / "marker", tmp_path / "images.parquet"
    code = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(RunsWhenRead(marker)),
    }
    field = pyarrow.field("size", pyarrow.int32(), metadata=code)
    sizes = pyarrow.array([16, 16], pyarrow.int32())
    if nested:
        sizes = pyarrow.StructArray.from_arrays([sizes], fields=[field])
        field = pyarrow.field("sizes", pyarrow.struct([field]))
    schema = [
        pyarrow.field("path", pyarrow.string()),
        pyarrow.field("label", pyarrow.string()),
        field,
    ]
    table = pyarrow.table(
        [pyarrow.array(["1.png", "2.png"]), pyarrow.array(["a", "b"]), sizes],
        schema=pyarrow.schema(schema),
    )
    parquet.write_table(table, path)
    with pytest.raises(ValueError, match="images.parquet.*would run code"):
        read_manifest(str(path))
    assert not marker.exists()
    # The marker is what that code would have left.
    pickle.loads(code["ARROW:extension:metadata"])
    assert marker.exists()


def test_files_of_a_manifest_are_listed_for_a_run(four_classes):
    ingest = IngestConfig(manifest=four_classes, split="ratio")
    files = list_files(ingest)
    # Half of each class' four images, where nothing else is said.
    assert [file.split for file in files].count("test") == 8


@pytest.mark.parametrize("change", ["label", "split", "content"])
def test_fingerprint_changes_with_the_table_and_with_the_files(
    write, tmp_path, change
):
    ingest = IngestConfig(manifest=str(tmp_path / "images.csv"))
    (tmp_path / "a.png").write_bytes(b"a")
    write("path,label,split", "a.png,x,train")
    before = input_fingerprint(ingest)
    assert input_fingerprint(ingest) == before
    if change == "label":
        write("path,label,split", "a.png,y,train")
    elif change == "split":
        write("path,label,split", "a.png,x,test")
    else:
        (tmp_path / "a.png").write_bytes(b"other")
    assert input_fingerprint(ingest) != before


def test_data_set_needs_no_fingerprint():
    assert input_fingerprint(IngestConfig(dataset="glyphs/default")) == ""
