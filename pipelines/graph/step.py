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
        name: unique in the run.
        component: name of the class of its component.
        inputs: key of the component to what another step wrote.
        parameters: of the component; lists, dicts and configurations are
            given to it as JSON.
        after: steps to wait for that it reads nothing of.
    """

    name: str
    component: str
    inputs: dict[str, Output] = dataclasses.field(default_factory=dict)
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    after: tuple[str, ...] = ()

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the steps that it waits for, each once."""
        read = (output.step for output in self.inputs.values())
        return tuple(dict.fromkeys((*read, *self.after)))
