"""A PushedModel artifact: where the two flavours were published, if at all."""

import os

from tfx.dsl.io import fileio

from pipelines.artifacts.files import read_json, write_json

#: Property of a blessing, and of what was not pushed for want of one: why.
FAULT = "fault"
_FILE = "push.json"


def write_push(uri: str, exact: str, scann: str) -> None:
    """Writes where a model was published.

    Args:
        uri: of the artifact.
        exact: folder of the version with exact search.
        scann: folder of the one with ScaNN inside.
    """
    write_json(uri, _FILE, {"exact": exact, "scann": scann})


def read_push(uri: str) -> dict[str, str] | None:
    """Returns the folders `exact` and `scann`, or `None` without a push.

    Args:
        uri: of the artifact.
    """
    if not fileio.exists(os.path.join(uri, _FILE)):
        return None
    return read_json(uri, _FILE)
