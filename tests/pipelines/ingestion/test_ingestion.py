"""The executor of the ingestion step, on each kind of source."""

import dataclasses
import json
import pathlib
import runpy

import numpy as np
import pytest

from keras_dvml.class_split import held_out_classes
from pipelines.configs import IngestConfig

pytestmark = pytest.mark.pipeline

ARCHIVES = runpy.run_path(
    str(
        pathlib.Path(__file__).parents[2]
        / "data"
        / "datasets"
        / "write_archives.py"
    )
)


@pytest.fixture
def ingest(artifact, run_executor, tmp_path):
    """Runs the step; returns split -> images, quarantine and class sizes."""
    from tfx.types import standard_artifacts

    import keras_dvml as kd
    from pipelines.artifacts.examples import example_files
    from pipelines.artifacts.types import Quarantine
    from pipelines.ingestion.image_example_gen import ImageExampleGen

    def run(**fields):
        examples = artifact(standard_artifacts.Examples)
        quarantine = artifact(Quarantine)
        run_executor(
            ImageExampleGen.EXECUTOR_SPEC.executor_class,
            "",
            {},
            {"examples": [examples], "quarantine": [quarantine]},
            {
                "ingest": json.dumps(
                    dataclasses.asdict(IngestConfig(**fields))
                ),
                "data_dir": str(tmp_path / "prepared"),
            },
        )
        told = pathlib.Path(quarantine.uri)
        return (
            {
                split: kd.data.load_examples(example_files(examples, split))
                for split in ("train", "test")
            },
            json.loads((told / "quarantine.json").read_text()),
            json.loads((told / "class_sizes.json").read_text()),
        )

    return run


@pytest.fixture
def overlapping_set():
    """A TFDS builder whose splits share their classes and that has no ids."""
    import tensorflow_datasets as tfds

    class OverlappingSet(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        pkg_dir_path = None

        def _info(self):
            features = tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(4, 4, 3)),
                    "label": tfds.features.ClassLabel(names=list("abcdef")),
                }
            )
            return self.dataset_info_from_configs(
                features=features, description="", homepage="", citation=""
            )

        def _split_generators(self, dl_manager):
            return {
                "train": self._generate_examples(12),
                "test": self._generate_examples(4),
            }

        def _generate_examples(self, count):
            for label in range(6):
                for i in range(count):
                    image = np.full((4, 4, 3), 6 * i + label, np.uint8)
                    yield (
                        f"{label} {i}",
                        {"image": image, "label": label},
                    )

    yield "overlapping_set"
    tfds.core.registered._DATASET_REGISTRY.pop("overlapping_set")


def stored(images):
    """Returns image id -> (bytes, name of class) of both splits."""
    return {
        str(image_id): (image_bytes, str(name))
        for part in images.values()
        for image_id, image_bytes, name in zip(
            part.ids, part.image_bytes, part.label_names, strict=True
        )
    }


def write_manifest(folder, rows):
    path = folder / "images.csv"
    lines = ["path,label,split,id", *rows]
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


@pytest.fixture
def squares(tmp_path, write_images):
    """Four classes of three images."""
    return write_images(tmp_path / "squares", 4, 3)


def test_manifest_says_ids_classes_and_splits(ingest, squares):
    rows = [
        # Every class' splits and order differ from those of a folder.
        f"class_{c}/{i}.png,kind {c},{'test' if c < 2 else 'train'},{c}-{i}"
        for c in range(4)
        for i in range(3)
    ]
    images, bad, sizes = ingest(manifest=write_manifest(squares, rows))
    assert bad == []
    assert sizes == {
        "train": {"kind 2": 3, "kind 3": 3},
        "test": {"kind 0": 3, "kind 1": 3},
    }
    # The files' own bytes, never encoded anew.
    assert stored(images) == {
        f"{c}-{i}": (
            (squares / f"class_{c}" / f"{i}.png").read_bytes(),
            f"kind {c}",
        )
        for c in range(4)
        for i in range(3)
    }


def test_manifest_names_bad_files_in_the_quarantine(ingest, squares):
    (squares / "class_1" / "0.png").write_bytes(b"no image")
    rows = [f"class_{c}/{i}.png,{c},," for c in range(4) for i in range(3)]
    manifest = write_manifest(squares, [*rows, "gone.png,0,,"])
    manifest_without_splits = pathlib.Path(manifest)
    lines = manifest_without_splits.read_text().splitlines()
    manifest_without_splits.write_text(
        "".join(",".join(line.split(",")[:2]) + "\n" for line in lines)
    )
    images, bad, sizes = ingest(manifest=manifest, max_bad_fraction=0.5)
    assert [row["path"] for row in bad] == ["class_1/0.png", "gone.png"]
    assert "No such file" in bad[1]["reason"]
    assert len(stored(images)) == 11


def test_manifest_without_labels(ingest, tmp_path, write_images):
    folder = write_images(tmp_path / "flat", 1, 20)
    path = folder / "images.csv"
    path.write_text("path\n" + "".join(f"class_0/{i}.png\n" for i in range(20)))
    images, _, _ = ingest(manifest=str(path), labelled=False)
    assert images["train"].labels is None
    assert (len(images["train"].ids), len(images["test"].ids)) == (18, 2)


def test_archive_of_a_data_set_keeps_its_bytes(ingest, tmp_path):
    (tmp_path / "archives").mkdir()
    files = ARCHIVES["write_cub"](
        tmp_path / "archives", ARCHIVES["draw_classes"](4, 3)
    )
    images, bad, sizes = ingest(
        dataset="cub200_retrieval/part", archives=str(tmp_path / "archives")
    )
    assert bad == []
    assert sizes == {
        "train": {"001.Bird_1": 3, "002.Bird_2": 3},
        "test": {"003.Bird_3": 3, "004.Bird_4": 3},
    }
    assert {
        image_id: image for image_id, (image, _) in stored(images).items()
    } == files


def test_bad_image_of_an_archive_is_quarantined(ingest, tmp_path):
    (tmp_path / "archives").mkdir()
    classes = ARCHIVES["draw_classes"](4, 3)
    classes[0][1] = classes[0][1][:50]
    ARCHIVES["write_products"](tmp_path / "archives", classes)
    images, bad, _ = ingest(
        dataset="online_products_retrieval/part",
        archives=str(tmp_path / "archives"),
        max_bad_fraction=0.1,
    )
    assert [row["path"] for row in bad] == ["bicycle_final/111085122871_1.JPG"]
    assert len(stored(images)) == 11


def test_data_set_whose_splits_share_classes_is_refused(
    ingest, overlapping_set
):
    with pytest.raises(ValueError, match="must not overlap.*split='classes'"):
        ingest(dataset=overlapping_set)


def test_data_set_is_split_anew_by_class(ingest, overlapping_set):
    images, _, sizes = ingest(dataset=overlapping_set, split="classes")
    held_out = held_out_classes("abcdef")
    # Both splits of the set together: 12 + 4 images a class.
    assert sizes == {
        "train": dict.fromkeys(set("abcdef") - held_out, 16),
        "test": dict.fromkeys(held_out, 16),
    }
    assert len(stored(images)) == 96


def test_data_set_is_split_anew_by_chance(ingest, overlapping_set):
    images, _, sizes = ingest(dataset=overlapping_set, split="ratio")
    # 96 images, each with even odds: 48 +- 4.9, here within four of these.
    assert 28 <= len(images["test"].ids) <= 68
    assert len(stored(images)) == 96
    assert set(sizes["train"]) & set(sizes["test"])
