import importlib
import inspect

import pytest

from pipelines.configs import (
    EvaluationConfig,
    IndexConfig,
    IngestConfig,
    PipelineConfig,
    RoundsConfig,
    TrainConfig,
    config_names,
    load_config,
)
from pipelines.configs.schema.images_argument import model_name


def test_all_runs_are_listed():
    names = {"folder_dvml", "folder_udml", "glyphs_dvml", "glyphs_udml"}
    assert names <= set(config_names())


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


@pytest.mark.parametrize("method", ["dvml", "udml"])
def test_glyphs_take_no_images(method):
    with pytest.raises(ValueError, match=f"folder_{method}"):
        load_config(f"glyphs_{method}", "somewhere")


@pytest.mark.parametrize("method", ["dvml", "udml"])
def test_folder_run_asks_for_images(method):
    with pytest.raises(ValueError, match="--images FOLDER"):
        load_config(f"folder_{method}")


def test_unlabelled_folder_runs_methods_that_need_no_labels(tmp_path):
    config = load_config("folder_udml", str(tmp_path / "My Birds!"))
    # Not that of the labelled run, beside which it may stand.
    assert config.name == "my_birds_udml"
    assert not config.ingest.labelled
    assert config.methods == ("pixels", "hog", "as_is", "udml")


def test_methods_that_need_labels_are_refused_without():
    with pytest.raises(ValueError, match=r"no labels.*\['dvml'\]"):
        PipelineConfig(
            name="birds",
            ingest=IngestConfig(folder="birds", labelled=False),
            methods=("dvml", "udml"),
            candidate="udml",
        )


def test_data_sets_keep_their_labels():
    with pytest.raises(ValueError, match="labelled=False"):
        IngestConfig(dataset="glyphs", labelled=False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_rounds": 0},
        {"epochs_per_round": 0},
        {"rotation_epochs": -1},
        {"images_per_cluster": 0},
        {"num_clusters": 1},
    ],
)
def test_rounds_refuse_numbers_out_of_range(wrong):
    (name, value), *_ = wrong.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        RoundsConfig(**wrong)


def test_rotations_alone_need_a_weight():
    with pytest.raises(ValueError, match="rotation_weight=0"):
        PipelineConfig(
            name="glyphs",
            ingest=IngestConfig(dataset="glyphs"),
            train=TrainConfig(rotation_weight=0),
            rounds=RoundsConfig(rotation_epochs=1),
        )


@pytest.mark.parametrize(
    "sources",
    [
        {},
        {"dataset": "glyphs", "folder": "images"},
        {"folder": "images", "manifest": "images.csv"},
    ],
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
            methods=("as_is",),
        )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"candidate": "hog"}, "must have a backbone.*candidate='hog'"),
        (
            {"candidate": "as_is", "train": TrainConfig(refit_on_all=True)},
            "be trained.*'as_is'",
        ),
    ],
)
def test_what_is_not_trained_is_refused_where_it_cannot_be(fields, message):
    with pytest.raises(ValueError, match=message):
        PipelineConfig(
            name="glyphs", ingest=IngestConfig(dataset="glyphs"), **fields
        )


@pytest.mark.parametrize(
    ("train", "row"),
    [
        ({}, "untrained"),
        ({"backbone": "MobileNetV2"}, "untrained"),
        (
            {"backbone": "MobileNetV2", "weights": "imagenet"},
            "pretrained, as is",
        ),
        ({"backbone": "hub/inception"}, "pretrained, as is"),
    ],
)
def test_row_of_the_first_weights_says_where_they_are_from(train, row):
    config = PipelineConfig(
        name="glyphs",
        ingest=IngestConfig(dataset="glyphs"),
        train=TrainConfig(**train),
    )
    assert list(config.titles.values()) == [
        *("pixels", "HOG", row, "triplet loss", "DVML")
    ]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Bilder-Öl", "bilder_ol"),
        ("glyphs", "glyphs_images"),
        ("datasets", "datasets_images"),
        ("glyphs_udml", "glyphs_udml_images"),
    ],
)
def test_model_name_keeps_letters_and_leaves_taken_names(folder, name):
    assert model_name(folder) == name


PAPERS = [
    f"{name}_{method}"
    for name in ("cub", "cars196", "sop")
    for method in ("dvml", "udml")
]


@pytest.mark.parametrize("name", PAPERS)
def test_reproduction_says_what_it_takes_and_what_to_expect(name):
    module = importlib.import_module(f"pipelines.configs.{name}")
    words = inspect.cleandoc(module.__doc__)
    assert f"--config {name} --images" in words
    assert "published, not run here" in words


@pytest.mark.parametrize("name", config_names())
def test_config_says_where_it_is_from_and_what_it_costs(name):
    module = importlib.import_module(f"pipelines.configs.{name}")
    words = inspect.cleandoc(module.__doc__)
    parts = ("Paper: ", "Command: ", "Hardware: ", "Time: ", "Expected")
    places = [words.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)


@pytest.mark.parametrize("name", PAPERS)
def test_reproduction_keeps_to_its_paper(name, tmp_path):
    config = load_config(name, str(tmp_path))
    assert config.name == name
    assert config.ingest.dataset.endswith("_retrieval/whole")
    assert config.ingest.archives == str(tmp_path)
    # 1024 pooled features of GoogLeNet, on images of 227 pixels.
    assert "inception_v1/feature_vector" in config.train.backbone
    assert config.train.image_size == 227
    ks = (1, 10, 100, 1000) if name.startswith("sop") else (1, 2, 4, 8)
    assert config.evaluation.ks == ks
    if name.endswith("dvml"):
        assert config.methods == ("as_is", "plain", "dvml")
        assert config.train.embedding_dim == 512
        assert config.train.num_samples == 20
    else:
        clusters = 10_000 if name.startswith("sop") else 100
        assert config.rounds.num_clusters == clusters
        rounds = config.rounds
        assert rounds.num_rounds * rounds.epochs_per_round == 600
        assert config.train.rotation_weight == 0.1


def test_prepared_reproduction_needs_no_archive():
    assert load_config("cub_dvml").ingest.archives == ""


@pytest.mark.parametrize("method", ["dvml", "udml"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".CSV"])
def test_table_stands_for_a_folder(tmp_path, method, suffix):
    path = tmp_path / f"My Birds{suffix}"
    config = load_config(f"folder_{method}", str(path))
    assert config.name == {"dvml": "my_birds", "udml": "my_birds_udml"}[method]
    assert config.ingest.source == config.ingest.manifest == str(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"split": "halves"}, "`split`.*'halves'"),
        ({"split": "classes", "labelled": False}, "no labels.*'classes'"),
        ({"test_fraction": 1.0}, "test_fraction=1.0"),
        ({"test_fraction": 0.0}, "test_fraction=0.0"),
        ({"archives": "somewhere"}, "archives='somewhere'"),
    ],
)
def test_wrong_splits_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        IngestConfig(folder="images", **wrong)


@pytest.mark.parametrize("name", ["folder_dvml", "folder_udml", "cub_dvml"])
def test_uris_of_images_are_refused_as_they_were_given(name):
    with pytest.raises(ValueError, match="path that.*'gs://bucket/images'"):
        load_config(name, "gs://bucket/images")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"loss": "tripel"}, "`loss`.*'tripel'"),
        ({"backbone": "ResNet5"}, "ResNet50.*backbone='ResNet5'"),
        ({"backbone": "efficientnet_lite0:16"}, "block N of 0 to 15"),
        ({"weights": "imagenet"}, "weights='imagenet', backbone='conv'"),
        *(
            (
                {"weights": "imagenet", "backbone": backbone},
                f"--set train.weights=`.*backbone='{backbone}'",
            )
            for backbone in ("keras_hub:vit", "birds.keras", "hub/vector")
        ),
    ],
)
def test_wrong_losses_and_backbones_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": -1}, "`epochs` must be at least 0; received epochs=-1"),
        ({"images_per_class": 1}, "`images_per_class`.*at least 2"),
        ({"margin": float("nan")}, "`margin`.*margin=nan"),
        ({"crop_min_area": 1.5}, r"`crop_min_area` must lie in \[0, 1\]"),
    ],
)
def test_numbers_of_a_training_have_their_ranges(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**wrong)


@pytest.mark.parametrize("ks", [(), (2, 4), (0, 1)])
def test_scores_have_the_one_that_models_are_compared_by(ks):
    with pytest.raises(ValueError, match="1 one of them; received ks="):
        EvaluationConfig(ks=ks)


def test_floor_of_recall_is_a_share():
    with pytest.raises(ValueError, match=r"\[0, 1\]; received recall_floor=2"):
        IndexConfig(recall_floor=2)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/tmp/birds", "birds/", "birds-scann"]
)
def test_name_is_that_of_a_folder_of_its_own(name):
    with pytest.raises(ValueError, match=f"received name='{name}'"):
        PipelineConfig(name=name, ingest=IngestConfig(folder="birds"))


def test_methods_are_different_ones():
    with pytest.raises(ValueError, match="different.*'dvml', 'dvml'"):
        PipelineConfig(
            name="birds",
            ingest=IngestConfig(folder="birds"),
            methods=("dvml", "dvml"),
        )
