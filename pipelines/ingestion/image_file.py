"""Files that may be images, whoever lists them."""

import dataclasses
import hashlib
import os


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """One file that may be an image.

    Attributes:
        path: where it lies.
        image_id: unique and stable over runs; in a folder its path relative
            to that, with forward slashes.
        split: `"train"` or `"test"`.
        label: number of its class, from 0; `None` without labels.
        label_name: name of its class, `None` likewise.
    """

    path: str
    image_id: str
    split: str
    label: int | None = None
    label_name: str | None = None


def files_fingerprint(files: list[ImageFile]) -> str:
    """Hashes ids, splits, classes, sizes and times of change of files.

    Args:
        files: as a source lists them.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for file in files:
        parts = (file.image_id, file.split, file.label_name or "")
        line = "\0".join((*parts, _size_and_time(file.path))) + "\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _size_and_time(path: str) -> str:
    try:
        stat = os.stat(path)
    except OSError as error:  # A broken link, say: quarantined when read.
        return type(error).__name__
    return f"{stat.st_size}\0{stat.st_mtime_ns}"
