"""A step of a run as plain data."""

import dataclasses
from typing import Any, NamedTuple


class Output(NamedTuple):
    """What a step writes under one of its keys."""

    step: str
    key: str


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of a run.

    Attributes:
        name: unique in the run; the name of its component, and behind `_` of
            which method or round it is.
        inputs: key of the component to what another step wrote.
        parameters: of the component; lists, dicts and configurations are
            given to it as JSON.
        after: steps to wait for that it reads nothing of.
    """

    name: str
    inputs: dict[str, Output] = dataclasses.field(default_factory=dict)
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    after: tuple[str, ...] = ()

    @property
    def component(self) -> str:
        """Which component runs it."""
        return self.name.partition("_")[0]

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the steps that it waits for, each once."""
        read = (output.step for output in self.inputs.values())
        return tuple(dict.fromkeys((*read, *self.after)))
