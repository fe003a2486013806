"""DVML against the plain triplet loss on a folder of your own images.

Paper: Lin et al., Deep Variational Metric Learning, ECCV 2018.
Command: `make demo IMAGES=path/to/folder`, or
    python -m pipelines.local_runner --config folder_dvml --images FOLDER
    A table of images, .csv or .parquet with the columns `path` and `label`,
    stands for the folder as well.
Hardware: any; 2 CPU cores without a GPU will do.
Time: not measured; 2 x 1,000 steps, each of four times the pixels that
    `glyphs_dvml` has, however many images there are.
Expected: as good as your images tell your classes apart. The backbone starts
    from random weights, so a few hundred images will not do wonders.
"""

import pathlib
import re
import unicodedata

from pipelines.configs.schema import IngestConfig, PipelineConfig, TrainConfig

# The demo's own model, and the folder of prepared data sets.
_TAKEN = ("glyphs", "datasets")


def configure(images: str | None) -> PipelineConfig:
    """Returns the run.

    Args:
        images: path of a folder with one sub-folder a class, or of a manifest.
    """
    if not images:
        raise ValueError(
            "`folder_dvml` needs --images FOLDER, a folder with one "
            "sub-folder a class, or a .csv or .parquet file."
        )
    name, source = named_source(images)
    return PipelineConfig(
        name=name,
        ingest=IngestConfig(**source),
        train=TrainConfig(image_size=96),
    )


def named_source(images: str) -> tuple[str, dict[str, str]]:
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


def model_name(folder_name: str) -> str:
    """Turns a folder's name into one that files, URLs and TFX all accept."""
    plain = unicodedata.normalize("NFKD", folder_name.lower())
    plain = plain.encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "images"
    return f"{name}_images" if name in _TAKEN else name
