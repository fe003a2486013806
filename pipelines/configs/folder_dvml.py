"""DVML against its plain loss on a folder of your own images.

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

from pipelines.configs.schema import IngestConfig, PipelineConfig, TrainConfig
from pipelines.configs.schema.images_argument import named_source


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
        methods=("pixels", "hog", "as_is", "plain", "dvml"),
    )
