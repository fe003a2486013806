"""Pictures that a command is given: files, folders, addresses."""

import os
import pathlib
import urllib.request
from collections.abc import Iterable, Iterator

from keras_dvml.folder_walk import files_below

# As a SavedModel refuses more than 64 megapixels, hardly a picture is larger.
_MOST_BYTES = 64 << 20
_SECONDS = 20
_KINDS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")


def image_names(given: Iterable[str]) -> Iterator[str]:
    """Yields files and addresses, of folders the pictures in them, sorted.

    Args:
        given: Files, folders or `http(s)` addresses.

    Raises:
        ValueError: If there is no picture in a folder.
    """
    for name in given:
        if not os.path.isdir(name):
            yield name
            continue
        inside = list(images_below(name))
        if not inside:
            raise ValueError(
                f"{name} holds no pictures ({', '.join(_KINDS)}), also not in "
                "folders of it"
            )
        yield from inside


def images_below(folder: str) -> Iterator[str]:
    """Yields the paths of the pictures below a folder, sorted."""
    root = pathlib.Path(folder)
    for path in files_below([root])[root]:
        if path.suffix.lower() in _KINDS:
            yield os.path.join(folder, path.relative_to(root))


def read_image(name: str) -> bytes:
    """Returns the contents of a file, or of what is at an address.

    Raises:
        OSError: If it cannot be read, or takes too long.
        ValueError: If it is larger than 64 MB.
    """
    if name.startswith(("http://", "https://")):
        with urllib.request.urlopen(name, timeout=_SECONDS) as answer:
            content = answer.read(_MOST_BYTES + 1)
    else:
        with open(name, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MB")
    return content


def read_batches(
    names: Iterable[str], size: int = 64
) -> Iterator[tuple[list[str], list[bytes], list[str]]]:
    """Reads pictures, some at once.

    Args:
        names: From `image_names`.
        size: How many at once.

    Yields:
        Names, contents, and reasons: "" but for those that cannot be read,
        whose content is empty.
    """
    batch: list[tuple[str, bytes, str]] = []
    for name in names:
        try:
            batch.append((name, read_image(name), ""))
        except (OSError, ValueError) as error:
            batch.append((name, b"", str(error)))
        if len(batch) == size:
            yield _columns(batch)
            batch = []
    if batch:
        yield _columns(batch)


def _columns(batch):
    names, contents, reasons = zip(*batch, strict=True)
    return list(names), list(contents), list(reasons)
