import dataclasses
import typing

import pytest

from pipelines.configs import load_config
from pipelines.configs.schema.overrides import (
    apply_overrides,
    did_you_mean,
    field_types,
    settable_fields,
)


@pytest.fixture
def config():
    return load_config("glyphs_dvml")


def value_of(config, name):
    for part in name.split("."):
        config = getattr(config, part)
    return config


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("train.epochs=2", 2),
        ("train.learning_rate=1e-4", 1e-4),
        ("train.augmentation=none", "none"),
        ("train.widths=4,8", (4, 8)),
        ("evaluation.ks= 1, 10 ", (1, 10)),
        ("rounds.num_clusters=7", 7),
        ("rounds.num_clusters=none", None),
        ("ingest.labelled=True", True),
        ("name=birds=2", "birds=2"),
        ("methods=triplet,dvml", ("triplet", "dvml")),
    ],
)
def test_value_is_read_as_the_field_says(config, assignment, value):
    changed = apply_overrides(config, [assignment])
    found = value_of(changed, assignment.partition("=")[0])
    assert found == value and type(found) is type(value)


def test_everything_else_stays_as_it_was(config):
    changed = apply_overrides(config, ["train.epochs=2"])
    train = dataclasses.replace(config.train, epochs=2)
    assert changed == dataclasses.replace(config, train=train)


def test_later_value_counts(config):
    changed = apply_overrides(config, ["train.seed=1", "train.seed=2"])
    assert changed.train.seed == 2


def test_fields_that_only_fit_together_are_set_together(config):
    # Either of them alone is refused: the candidate must be a method.
    changed = apply_overrides(config, ["candidate=udml", "methods=as_is,udml"])
    assert changed.candidate == "udml"
    with pytest.raises(ValueError, match="`candidate` must be one of"):
        apply_overrides(config, ["candidate=udml"])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.epoch=2", "Did you mean `train.epochs`"),
        ("epochs=2", "Did you mean `train.epochs`"),
        ("index.epochs=2", "Did you mean `train.epochs`"),
        ("trian.epochs=2", "Did you mean `train.epochs`"),
        ("train.augmentation=photograph", "Did you mean `photographs`"),
        ("train=2", "No field `train`"),
        ("zebra=2", "`--help` lists what there is"),
        ("train.epochs", "FIELD=VALUE.*'train.epochs'"),
        ("train.epochs=two", "must be of type int.*'two'"),
        ("train.epochs=2.5", "must be of type int.*'2.5'"),
        ("train.margin=wide", "must be of type float.*'wide'"),
        ("ingest.labelled=perhaps", "true or false.*'perhaps'"),
        ("methods=dvml,triplett", "Did you mean `triplet`"),
        ("train.method=udml", "follows from `methods`"),
    ],
)
def test_what_cannot_be_set_is_explained(config, assignment, message):
    with pytest.raises(ValueError, match=message):
        apply_overrides(config, [assignment])


def test_every_field_has_a_type_that_text_can_be_read_as(config):
    for name, kind in field_types(type(config)).items():
        parts = typing.get_args(kind) or (kind,)
        for part in parts:
            part = typing.get_args(part)[0] if typing.get_args(part) else part
            simple = part in (int, float, str, bool, type(None), ...)
            assert simple or isinstance(part, str), (name, kind)


def test_method_of_a_training_is_not_offered():
    assert "train.epochs" in settable_fields()
    assert "train.method" not in settable_fields()


def test_nothing_is_suggested_where_nothing_is_near():
    assert did_you_mean("zebra", ["glyphs_dvml"]) == ""
