"""What a component reads, writes and is given, for TFX and for type checkers.

TFX reads the annotations of a component's function with types of its own, in
which a type checker does not see the artifacts.
"""

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import apache_beam as beam
from tfx.dsl.component.experimental import annotations

_T = TypeVar("_T")

#: The default of a `BeamPipeline`.
SET_BY_TFX: Any = None

if TYPE_CHECKING:
    InputArtifact = Annotated[_T, "input"]
    OutputArtifact = Annotated[_T, "output"]
    Parameter = Annotated[_T, "parameter"]
    BeamPipeline = beam.Pipeline
else:
    InputArtifact = annotations.InputArtifact
    OutputArtifact = annotations.OutputArtifact
    Parameter = annotations.Parameter
    BeamPipeline = annotations.BeamComponentParameter[beam.Pipeline]
