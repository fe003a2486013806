"""DVML against its plain loss on a folder of your own images.

Paper: Lin et al., Deep Variational Metric Learning, ECCV 2018.
Command: `make demo IMAGES=path/to/folder`, or
    python -m pipelines.local_runner --config folder_dvml --images FOLDER
    A table of images, .csv or .parquet with the columns `path` and `label`,
    can take the folder's place.
Hardware: any; 2 CPU cores without a GPU will do.
Time: 8 minutes there with 1,200 images (`make accuracy-real`): 2 x 120 steps,
    however many images there are, and embeddings of them all.
Expected: as good as your images tell your classes apart. The backbone starts
    from its weights on ImageNet, so a few hundred images will do.
"""

from pipelines.configs.schema import IngestConfig, PipelineConfig
from pipelines.configs.schema.folders import PRETRAINED
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
        train=PRETRAINED,
        methods=("pixels", "hog", "as_is", "plain", "dvml"),
    )
