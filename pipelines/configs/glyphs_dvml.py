"""DVML against the plain triplet loss on the built-in glyphs.

Paper: Lin et al., Deep Variational Metric Learning, ECCV 2018.
Command: `make demo`, or
    python -m pipelines.local_runner --config glyphs_dvml
Hardware: any; 2 CPU cores without a GPU will do.
Time: see README.
Expected: see README for Recall@1/2/4/8, MAP@R and NMI on unseen characters.
"""

from pipelines.configs.schema import IngestConfig, PipelineConfig, TrainConfig


def configure(images: str | None) -> PipelineConfig:
    """Returns the run.

    Args:
        images: must be `None`: the data set draws its own images.
    """
    if images is not None:
        raise ValueError(
            "`glyphs_dvml` draws its own images. For a folder of yours use "
            f"--config folder_dvml; received images={images!r}"
        )
    return PipelineConfig(
        name="glyphs",
        ingest=IngestConfig(dataset="glyphs/default"),
        train=TrainConfig(image_size=48),
    )
