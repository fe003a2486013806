"""The command `keras-dvml`, as a person or a script calls it."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

pytest.importorskip("click", reason="the extra `console` is not installed")
from click.testing import CliRunner  # noqa: E402

from keras_dvml.console.commands import commands  # noqa: E402

CLASSES = ("crow", "tern", "wren")


def png(number):
    """A picture of one of three colours, with noise of its own."""
    random = np.random.default_rng(number)
    colour = np.array([[230, 30, 30], [30, 220, 40], [40, 40, 230]])
    pixels = colour[number % 3] + random.integers(-25, 26, (16, 16, 3))
    return tf.io.encode_png(pixels.astype(np.uint8)).numpy()


def write_images(folder, numbers):
    for number in numbers:
        path = folder / CLASSES[number % 3] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with images and a model of them, published once."""
    folder = tmp_path_factory.mktemp("published")
    images = write_images(folder / "images", range(24))
    paths = sorted(images.rglob("*.png"))
    model = kd.models.EmbeddingModel(
        kd.models.conv_backbone(16, widths=(4, 8)), embedding_dim=8
    )
    pixels = [kd.data.decode_image(path.read_bytes(), 16) for path in paths]
    index = kd.index.ExactIndex.build(
        model.predict(np.stack(pixels), verbose=0),
        [str(path.relative_to(images)) for path in paths],
    )
    kd.serving.export(model, folder / "birds", index, k=5, match_threshold=0.5)
    return folder


@pytest.fixture
def birds(trained, tmp_path):
    shutil.copytree(trained / "birds", tmp_path / "birds")
    return tmp_path / "birds"


def run(*arguments, exit_code=0):
    """Returns what was printed, and what on standard error."""
    result = CliRunner().invoke(commands, [str(one) for one in arguments])
    assert result.exit_code == exit_code, result.output
    assert exit_code == 0 or result.exc_info[0] is SystemExit
    return result.stdout, result.stderr


def read(*arguments, exit_code=0):
    return json.loads(run(*arguments, "--json", exit_code=exit_code)[0])


def test_search_finds_the_picture_itself_first(trained):
    image = trained / "images" / "wren" / "05.png"
    (found,) = read("search", trained / "birds", image, "-k", 3)
    assert found["image"] == str(image)
    assert [len(found["neighbours"]), found["neighbours"][0]["id"]] == [
        3,
        "wren/05.png",
    ]
    index = kd.load(trained / "birds").index
    ids, scores = index.search(index.embeddings[index.ids == "wren/05.png"], 3)
    assert [one["id"] for one in found["neighbours"]] == ids[0].tolist()
    np.testing.assert_allclose(
        [one["score"] for one in found["neighbours"]], scores[0], atol=1e-5
    )
    assert found["neighbours"][0]["is_match"]
    printed, _ = run("search", trained / "birds" / "1", image)
    assert "   1   1.000  wren/05.png  match\n" in printed
    assert len(printed.splitlines()) == 11


def test_search_takes_folders_and_sets_bad_files_aside(trained, tmp_path):
    write_images(tmp_path / "queries", [30, 31])
    (tmp_path / "queries" / "broken.png").write_bytes(b"no image")
    (tmp_path / "queries" / "notes.txt").write_text("no picture")
    found = read("search", trained / "birds", tmp_path / "queries", exit_code=1)
    assert [len(one.get("neighbours", ())) for one in found] == [10, 10, 0]
    assert found[-1]["image"].endswith("broken.png") and found[-1]["error"]
    _, errors = run("search", trained / "birds", tmp_path / "gone", exit_code=1)
    assert "gone: [Errno 2] No such file" in errors


def test_search_shows_pictures(trained, tmp_path):
    image = trained / "images" / "wren" / "05.png"
    page = tmp_path / "page.html"
    arguments = ["search", trained / "birds", image, "-o", page]
    run(*arguments, "--images", trained / "images")
    text = page.read_text()
    assert text.count("<img") == 11 and "wren/05.png" in text
    _, error = run(*arguments, "--images", tmp_path, exit_code=1)
    assert "--images must be the folder of the gallery's pictures" in error


def test_embeddings_go_into_a_file(trained, tmp_path):
    images = write_images(tmp_path / "images", range(30, 33))
    (images / "broken.png").write_bytes(b"no image")
    facts = read("embed", trained / "birds", images, "-o", tmp_path / "v.npy")
    assert facts["embedded"] == 3 and facts["left_out"] == 1
    vectors = np.load(tmp_path / "v.npy")
    ids = (tmp_path / "v.ids.txt").read_text().splitlines()
    assert vectors.shape == (3, 8) and vectors.dtype == np.float32
    assert ids == sorted(map(str, images.rglob("*/*.png")))
    contents = [open(name, "rb").read() for name in ids]
    right, _ = kd.load(trained / "birds").embed(contents)
    np.testing.assert_allclose(vectors, right, atol=1e-6)
    pytest.importorskip("pyarrow", reason="the extra `console` has it")
    import pyarrow.parquet

    run("embed", trained / "birds", images, "-o", tmp_path / "v.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "v.parquet")
    assert table["id"].to_pylist() == ids
    np.testing.assert_allclose(table["embedding"].to_pylist(), right, atol=1e-6)
    _, error = run(
        *("embed", trained / "birds", images, "-o", tmp_path / "v.csv"),
        exit_code=1,
    )
    assert "must end in .parquet or .npy; received" in error
    assert not (tmp_path / "v.csv").exists()


def test_scores_are_those_of_the_library(trained, tmp_path):
    scores = read("evaluate", trained / "birds", trained / "images")
    index = kd.load(trained / "birds").index
    labels = [name.split("/")[0] for name in index.ids]
    right = kd.evaluation.evaluate_retrieval(
        index.embeddings, labels, clustering=False
    )
    for name, score in right.items():
        assert scores[name]["score"] == pytest.approx(score, abs=1e-6)
        low, high = scores[name]["interval"]
        assert low - 1e-6 <= score <= high + 1e-6
    queries = write_images(tmp_path / "queries", range(30, 36))
    printed, _ = run(
        *("evaluate", trained / "birds", "--queries", queries),
        *("--gallery", trained / "images"),
    )
    assert printed.startswith("recall@1") and "% to " in printed
    run("evaluate", trained / "birds", "--queries", queries, exit_code=2)


def test_pictures_are_added_as_the_next_version(birds, tmp_path):
    more = write_images(tmp_path / "more", [40, 41])
    (more / "broken.png").write_bytes(b"no image")
    facts = read("add", birds, more)
    assert facts == {
        "written": [str(birds / "2")], "added": 2, "left_out": 1
    }  # fmt: skip
    before, after = kd.load(birds / "1"), kd.load(birds)
    added = {"tern/40.png", "wren/41.png"}
    assert set(after.index.ids) == {*before.index.ids, *added}
    np.testing.assert_array_equal(
        after.index.embeddings[:24], before.index.embeddings
    )
    for name in ("k", "match_threshold"):
        assert after.facts[name] == before.facts[name]
    image = more / "wren" / "41.png"
    (found,) = read("search", birds, image)
    assert found["neighbours"][0]["id"] == "wren/41.png"
    _, error = run("add", birds, more, exit_code=1)
    assert "must not be in the index already" in error
    assert not (birds / "3").exists()


def test_removed_pictures_are_gone_everywhere_if_asked(birds):
    read("remove", birds, "wren/05.png")
    assert "wren/05.png" in kd.load(birds / "1").index.ids
    facts = read("remove", birds, "wren/08.png", "--everywhere")
    assert facts["deleted"] == [str(birds / "1"), str(birds / "2")]
    assert not {"wren/05.png", "wren/08.png"} & set(kd.load(birds).index.ids)
    assert read("info", birds)["removed_by_hand"] == 2
    _, error = run("remove", birds, "ghost.png", exit_code=1)
    assert "must be in the index; received 'ghost.png'" in error
    assert not list(birds.glob(".incomplete-*"))


def test_versions_are_listed_rolled_back_and_pruned(birds):
    read("remove", birds, "wren/05.png")
    assert read("rollback", birds, 1) == {"written": [str(birds / "3")]}
    rows = read("versions", birds)
    assert [row["version"] for row in rows] == [1, 2, 3]
    assert [row["num_embeddings"] for row in rows] == [24, 23, 24]
    printed, _ = run("versions", birds)
    assert printed.splitlines()[0].split()[0] == "version"
    _, error = run("rollback", birds, 7, exit_code=1)
    assert "must be one of 1, 2, 3" in error and "received 7" in error
    assert read("prune", birds, "--keep", 1)["deleted"] == [
        str(birds / "1"),
        str(birds / "2"),
    ]
    assert [row["version"] for row in read("versions", birds)] == [3]


def test_info_tells_what_is_in_a_model(trained):
    facts = read("info", trained / "birds")
    assert facts["num_embeddings"] == 24 and facts["k"] == 5
    assert facts["carries_keras_model"] and "search" in facts["signatures"]
    assert "num_embeddings" in run("info", trained / "birds")[0]


def test_what_is_no_model_is_named(tmp_path):
    _, error = run("info", tmp_path, exit_code=1)
    assert "path must be of a published model" in error
    assert len(error.splitlines()) == 1


def test_help_teaches_and_needs_no_tensorflow(run_python):
    code = """
import sys
sys.modules["tensorflow"] = None
from keras_dvml.console import main
main()
"""
    printed = run_python(code, "--help")
    assert "keras-dvml search saved_models/birds my_picture.jpg" in printed
    for name, command in commands.commands.items():
        assert f"  {name} " in printed
        assert command.help and "MODEL" in run(name, "--help")[0]
