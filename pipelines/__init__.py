"""The TFX pipeline: images in, a searchable SavedModel out.

`import pipelines` is light: the artifact types below are loaded only when
asked for, since importing TFX takes some 20 seconds.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.artifacts.types import PseudoLabels, Quarantine, Report

__all__ = ["PseudoLabels", "Quarantine", "Report"]


def __getattr__(name: str) -> Any:
    """Loads artifact types by name, as Kubeflow's entry point asks for them."""
    if name in __all__:
        from pipelines.artifacts import types

        return vars(types)[name]
    raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
