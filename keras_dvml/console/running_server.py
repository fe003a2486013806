"""A search by a server of this machine, in the place of the model itself."""

import base64
import contextlib
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from keras_dvml.announcement import servers_of

_SECONDS = 60


def found_by_server(
    model: str, contents: list[bytes], k: int
) -> list[dict[str, Any]] | None:
    """Returns what a server that runs here finds, a dict for each picture.

    Args:
        model: Folder of the versions, or of one.
        contents: Image files.
        k: Results wanted of each.

    Returns:
        `ids`, `scores`, perhaps `is_match`, and `status` of each picture;
        `None` where no server of the newest version answers that.
    """
    folder = os.path.abspath(model)
    if os.path.exists(os.path.join(folder, "saved_model.pb")):
        # A server has the newest version alone.
        return None
    for url, name in servers_of(folder):
        with contextlib.suppress(OSError, ValueError, LookupError):
            return _asked(url, name, contents, k)
    return None


def _asked(url, name, contents, k):
    listed = json.load(urllib.request.urlopen(f"{url}/models", timeout=5))
    (served,) = (one for one in listed["models"] if one["name"] == name)
    if not served["k"] or k > served["k"]:
        return None
    images = [{"b64": base64.b64encode(one).decode()} for one in contents]
    request = {"signature_name": "search_each", "instances": images}
    path = f"{url}/v1/models/{urllib.parse.quote(name)}:predict"
    data = json.dumps(request).encode()
    with urllib.request.urlopen(path, data, timeout=_SECONDS) as answer:
        return json.load(answer)["predictions"]
