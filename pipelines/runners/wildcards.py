"""Names that would be taken for patterns."""

import os

_WILDCARDS = "*?[]"


def refuse_wildcards(argument: str, path: str | os.PathLike) -> None:
    """Refuses a folder of a run that readers would take for a pattern.

    TFX and Beam name the files of a step by patterns below its folder, and
    TensorFlow those of a SavedModel. Where the folder's own name holds such
    letters they find other files, or none.

    Args:
        argument: what the path was given as.
        path: of the folder, or its name.

    Raises:
        ValueError: where it holds `*`, `?`, `[` or `]`.

    Example:
        >>> refuse_wildcards("--workspace", "runs")
        >>> refuse_wildcards("--workspace", "runs[1]")
        Traceback (most recent call last):
          ...
        ValueError: `--workspace` must not hold any of * ? [ ], which would ...
    """
    path = os.fspath(path)
    if set(path) & set(_WILDCARDS):
        raise ValueError(
            f"`{argument}` must not hold any of {' '.join(_WILDCARDS)}, which "
            "would be read as a pattern of file names; received "
            f"{argument}={path!r}. Images may lie in folders with such names"
        )
