"""The TFX pipeline: images in, a searchable SavedModel out.

`import pipelines` is light: the artifact types below are loaded only when
asked for, since importing TFX takes some 20 seconds.
"""

from typing import Any

_ARTIFACTS = ("PseudoLabels", "Quarantine", "Report")

__all__ = [*_ARTIFACTS]


def __getattr__(name: str) -> Any:
    """Loads artifact types by name, as Kubeflow's entry point asks for them."""
    if name in _ARTIFACTS:
        from pipelines.artifacts import types

        return vars(types)[name]
    raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
