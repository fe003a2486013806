import numpy as np
import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def builder():
    """A TFDS builder that is known by the name `tiny_set`."""
    import tensorflow_datasets as tfds

    class TinySet(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        pkg_dir_path = None

        def _info(self):
            features = tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(4, 4, 3), encoding_format="png"
                    ),
                    "label": tfds.features.ClassLabel(names=list("abcd")),
                    "id": tfds.features.Text(),
                }
            )
            return self.dataset_info_from_configs(
                features=features, description="", homepage="", citation=""
            )

        def _split_generators(self, dl_manager):
            return {
                "train": self._generate_examples("ab"),
                "test": self._generate_examples("cd"),
            }

        def _generate_examples(self, names):
            for value, name in enumerate(names):
                image = np.full((4, 4, 3), value, np.uint8)
                yield name, {"image": image, "label": name, "id": f"{name}-0"}

    return TinySet


def test_builder_is_prepared_once_and_read_by_split(builder, tmp_path, capsys):
    import apache_beam as beam
    import tensorflow as tf
    from apache_beam.testing.util import assert_that, equal_to

    from pipelines.configs import IngestConfig
    from pipelines.ingestion.beam_reading import read_dataset

    def facts(image):
        pixels = tf.io.decode_png(image.image_bytes).numpy()
        return (
            image.image_id,
            image.label,
            image.label_name,
            int(pixels[0, 0, 0]),
        )

    with beam.Pipeline("FnApiRunner") as pipeline:
        images = read_dataset(
            pipeline, IngestConfig(dataset="tiny_set"), str(tmp_path)
        )
        train = images["train"] | "TrainFacts" >> beam.Map(facts)
        test = images["test"] | "TestFacts" >> beam.Map(facts)
        assert_that(
            train, equal_to([("a-0", 0, "a", 0), ("b-0", 1, "b", 1)]), "train"
        )
        assert_that(
            test, equal_to([("c-0", 2, "c", 0), ("d-0", 3, "d", 1)]), "test"
        )
    assert (tmp_path / "tiny_set" / "1.0.0").is_dir()
    # TFDS would announce its work on the screen.
    assert capsys.readouterr().out == ""


def test_glyphs_are_known_without_being_imported(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    from pipelines.ingestion.tfds_datasets import prepare_dataset

    prepared = []
    monkeypatch.setattr(
        tfds.core.DatasetBuilder,
        "download_and_prepare",
        lambda builder, **_: prepared.append(builder.info.full_name),
    )
    prepare_dataset("glyphs/easy", str(tmp_path))
    assert [name.rsplit("/", 1)[0] for name in prepared] == ["glyphs/easy"]


def test_builder_without_a_split_is_refused(builder, tmp_path, monkeypatch):
    from pipelines.configs import IngestConfig
    from pipelines.ingestion import beam_reading

    monkeypatch.setattr(beam_reading, "SPLITS", ("train", "validation"))
    with pytest.raises(ValueError, match="tiny_set.*'test', 'train'"):
        beam_reading.read_dataset(
            None, IngestConfig(dataset="tiny_set"), str(tmp_path)
        )


def test_folder_of_archives_that_is_not_there_is_named(tmp_path):
    from pipelines.ingestion.tfds_datasets import prepare_dataset

    with pytest.raises(ValueError, match="`archives`.*nope"):
        prepare_dataset("glyphs", str(tmp_path), str(tmp_path / "nope"))
