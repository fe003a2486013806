"""UDML-SS on a folder of images without labels.

Paper: Cao et al., Unsupervised Deep Metric Learning via Auxiliary Rotation
    Loss, 2019.
Command: `make demo IMAGES=path/to/folder LABELS=none`, or
    python -m pipelines.local_runner --config folder_udml --images FOLDER
    A table of images, .csv or .parquet with a column `path`, can take the
    folder's place.
Hardware: any; 2 CPU cores without a GPU will do.
Time: not measured; 240 steps, however many images there are, and four times
    an embedding of them all.
Expected: clusters and neighbours that look alike. The backbone starts from its
    weights on ImageNet.
"""

import dataclasses

from pipelines.configs.schema import (
    IngestConfig,
    PipelineConfig,
    RoundsConfig,
)
from pipelines.configs.schema.folders import PRETRAINED
from pipelines.configs.schema.images_argument import named_source


def configure(images: str | None) -> PipelineConfig:
    """Returns the run.

    Args:
        images: path of a folder of images, in sub-folders or not, or of a
            manifest.
    """
    if not images:
        raise ValueError(
            "`folder_udml` needs --images FOLDER, a folder of images or a "
            ".csv or .parquet file."
        )
    name, source = named_source(images)
    return PipelineConfig(
        # Beside `folder_dvml`'s of the same images.
        name=f"{name}_udml",
        ingest=IngestConfig(labelled=False, **source),
        train=dataclasses.replace(
            PRETRAINED, steps_per_epoch=20, augmentation="photographs"
        ),
        rounds=RoundsConfig(num_rounds=3, epochs_per_round=4),
        methods=("pixels", "hog", "as_is", "udml"),
        candidate="udml",
    )
