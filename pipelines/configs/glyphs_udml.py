"""UDML-SS on the built-in glyphs, whose labels only the scores use.

Paper: Cao et al., Unsupervised Deep Metric Learning via Auxiliary Rotation
    Loss, 2019.
Command: `make demo LABELS=none`, or
    python -m pipelines.local_runner --config glyphs_udml
Hardware: any; 2 CPU cores without a GPU will do.
Time: about 8 minutes there (`make demo LABELS=none`).
Expected: Recall@1 of 36 to 38% on unseen characters, from run to run.
"""

from pipelines.configs.schema import (
    IngestConfig,
    PipelineConfig,
    RoundsConfig,
    TrainConfig,
)


def configure(images: str | None) -> PipelineConfig:
    """Returns the run.

    Args:
        images: must be `None`: the data set draws its own images.
    """
    if images is not None:
        raise ValueError(
            "`glyphs_udml` draws its own images. For a folder of yours use "
            f"--config folder_udml; received images={images!r}"
        )
    return PipelineConfig(
        name="glyphs_udml",
        ingest=IngestConfig(dataset="glyphs/default"),
        train=TrainConfig(
            image_size=48,
            augmentation="drawings",
            rotation_weight=0.3,
            evaluate_every=3,
        ),
        rounds=RoundsConfig(num_rounds=6, epochs_per_round=3),
        methods=("pixels", "hog", "as_is", "udml"),
        candidate="udml",
    )
