"""Sets fields of a configuration from text such as `train.epochs=2`."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any

from pipelines.configs.schema.run import PipelineConfig

_BOOLEANS = {"true": True, "false": False}
# Each method of `methods` is trained with the rest of `train`.
_SET_BY_THE_RUN = {"train.method": "methods"}


def apply_overrides(
    config: PipelineConfig, assignments: Iterable[str]
) -> PipelineConfig:
    """Returns a configuration with some fields set anew.

    Values are read as the field's type says: `2`, `1e-3`, `true`, `none` where
    a field may be `None`, and `1,2,4` for several. Of two values for a field
    the last counts.

    Args:
        config: what to start from.
        assignments: texts of the form `FIELD=VALUE`, where FIELD is dotted.

    Returns:
        A new configuration, checked as a whole.

    Raises:
        ValueError: where there is no such field, with the nearest name there
            is, or the value is none of its type.

    Example:
        >>> from pipelines.configs import load_config
        >>> config = load_config("glyphs_dvml")
        >>> config = apply_overrides(config, ["train.epochs=2"])
        >>> config.train.epochs
        2
        >>> apply_overrides(config, ["train.epoch=2"])
        Traceback (most recent call last):
          ...
        ValueError: No field `train.epoch`. Did you mean `train.epochs`?
    """
    values = {}
    types_by_name = field_types(type(config))
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        if not equals:
            raise ValueError(
                "`--set` takes FIELD=VALUE, such as train.epochs=2; received "
                f"{assignment!r}"
            )
        if name in _SET_BY_THE_RUN:
            raise ValueError(
                f"`{name}` follows from `{_SET_BY_THE_RUN[name]}`: set that."
            )
        if name not in types_by_name:
            raise ValueError(
                f"No field `{name}`." + _suggestion(name, list(types_by_name))
            )
        values[name] = _parsed(name, text.strip(), types_by_name[name])
    return _replaced(config, values)


def settable_fields() -> list[str]:
    """Lists the dotted names of the fields of a run."""
    names = field_types(PipelineConfig)
    return [name for name in names if name not in _SET_BY_THE_RUN]


def field_types(config_class: Any, prefix: str = "") -> dict[str, Any]:
    """Lists what can be set, dotted name to type.

    Args:
        config_class: a dataclass; fields of dataclasses in it are listed too.
        prefix: what the names begin with.
    """
    listed = {}
    for name, kind in typing.get_type_hints(config_class).items():
        if dataclasses.is_dataclass(kind):
            listed |= field_types(kind, f"{prefix}{name}.")
        else:
            listed[prefix + name] = kind
    return listed


def did_you_mean(received: str, names: list[str]) -> str:
    """Returns a question to end an error with, or nothing.

    Args:
        received: what somebody typed.
        names: what there is.

    Returns:
        `" Did you mean ...?"`, or an empty string where nothing is near.
    """
    near = difflib.get_close_matches(received, names, n=1, cutoff=0.6)
    return f" Did you mean `{near[0]}`?" if near else ""


def _suggestion(received: str, names: list[str]) -> str:
    # The last part of a name may stand for it: `epochs`, `index.epochs`.
    last = received.rpartition(".")[2]
    same = [name for name in names if name.rpartition(".")[2] == last]
    if same:
        return f" Did you mean `{same[0]}`?"
    return did_you_mean(received, names) or " `--help` lists what there is."


def _replaced(config: Any, values: dict[str, Any]) -> Any:
    """Sets all fields of a dataclass at once, so that it is checked once."""
    changes, nested = {}, {}
    for name, value in values.items():
        first, _, rest = name.partition(".")
        if rest:
            nested.setdefault(first, {})[rest] = value
        else:
            changes[first] = value
    for name, inner in nested.items():
        changes[name] = _replaced(getattr(config, name), inner)
    return dataclasses.replace(config, **changes) if changes else config


def _parsed(name: str, text: str, kind: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if text.lower() == "none":
            return None
        (kind,) = (a for a in arguments if a is not types.NoneType)
        return _parsed(name, text, kind)
    if origin is tuple:
        parts = [part.strip() for part in text.split(",")]
        return tuple(_parsed(name, p, arguments[0]) for p in parts if p)
    if origin is typing.Literal:
        if text not in arguments:
            raise ValueError(
                f"`{name}` must be one of {', '.join(arguments)}; received "
                f"{text!r}." + did_you_mean(text, list(arguments))
            )
        return text
    try:
        return _BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        expected = "true or false" if kind is bool else f"of type {_name(kind)}"
        raise ValueError(
            f"`{name}` must be {expected}; received {text!r}"
        ) from error


def _name(kind: Any) -> str:
    names = {int: "int, a whole number", float: "float, a number"}
    return names.get(kind, str(kind.__name__))
