"""What `--images` names: a folder, a manifest, or a folder of archives."""

import pathlib
import re
import unicodedata
from typing import Any

# The demo's own models, and the folder of prepared data sets.
_TAKEN = ("glyphs", "glyphs_udml", "datasets")


def named_source(images: str) -> tuple[str, dict[str, Any]]:
    """Returns a name for the model, and the field of `IngestConfig` to set.

    Args:
        images: path of a folder or of a manifest.
    """
    # A URI is kept as it is, to be refused by its own name.
    path = pathlib.Path(images).expanduser()
    if "://" in images:
        return model_name(path.name), {"folder": images}
    path = path.resolve()
    if path.suffix.lower() in (".csv", ".parquet") and not path.is_dir():
        return model_name(path.stem), {"manifest": str(path)}
    return model_name(path.name), {"folder": str(path)}


def archives_in(images: str | None) -> str:
    """Returns the value of `IngestConfig.archives`.

    Args:
        images: folder, or `None`.
    """
    if not images or "://" in images:
        # A URI is refused by its own name.
        return images or ""
    return str(pathlib.Path(images).expanduser().resolve())


def model_name(folder_name: str) -> str:
    """Turns a folder's name into one that files, URLs and TFX all accept.

    Example:
        >>> model_name("My Birds!")
        'my_birds'
    """
    plain = unicodedata.normalize("NFKD", folder_name.lower())
    plain = plain.encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "images"
    return f"{name}_images" if name in _TAKEN else name
