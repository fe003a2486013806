import pytest

from pipelines.configs import (
    IngestConfig,
    PipelineConfig,
    config_names,
    load_config,
)
from pipelines.configs.folder_dvml import model_name


def test_all_runs_are_listed():
    assert {"folder_dvml", "glyphs_dvml"} <= set(config_names())


def test_glyphs_are_drawn_and_served_under_their_name():
    config = load_config("glyphs_dvml")
    assert config.name == "glyphs"
    assert config.ingest.dataset == "glyphs/default"


def test_folder_gives_its_name_to_the_model(tmp_path):
    config = load_config("folder_dvml", str(tmp_path / "My Birds!"))
    assert config.name == "my_birds"
    assert config.ingest.folder == str(tmp_path / "My Birds!")


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Birds", "birds"), ("a-b c", "a_b_c"), ("鳥", "images")],
)
def test_model_name_is_safe_in_files_and_addresses(folder, name):
    assert model_name(folder) == name


def test_unknown_run_is_told_the_known_ones():
    with pytest.raises(ValueError, match="glyphs_dvml.*config='glyph'"):
        load_config("glyph")


def test_glyphs_take_no_images():
    with pytest.raises(ValueError, match="folder_dvml"):
        load_config("glyphs_dvml", "somewhere")


def test_folder_run_asks_for_images():
    with pytest.raises(ValueError, match="--images FOLDER"):
        load_config("folder_dvml")


@pytest.mark.parametrize(
    "sources", [{}, {"dataset": "glyphs", "folder": "images"}]
)
def test_ingestion_has_exactly_one_source(sources):
    with pytest.raises(ValueError, match="Exactly one"):
        IngestConfig(**sources)


def test_share_of_bad_files_is_a_share():
    with pytest.raises(ValueError, match="max_bad_fraction=1.5"):
        IngestConfig(dataset="glyphs", max_bad_fraction=1.5)


def test_candidate_must_be_trained():
    with pytest.raises(ValueError, match="candidate='dvml'"):
        PipelineConfig(
            name="glyphs",
            ingest=IngestConfig(dataset="glyphs"),
            methods=("untrained",),
        )


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Bilder-Öl", "bilder_ol"),
        ("glyphs", "glyphs_images"),
        ("datasets", "datasets_images"),
    ],
)
def test_model_name_keeps_letters_and_leaves_taken_names(folder, name):
    assert model_name(folder) == name
