"""UDML-SS on Stanford Online Products, whose labels only the scores look at.

Paper: Cao et al., Unsupervised Deep Metric Learning via Auxiliary Rotation
    Loss, 2019.
Command: with Stanford_Online_Products.zip in FOLDER,
    python -m pipelines.local_runner --config sop_udml --images FOLDER
Hardware: one GPU. Time: not measured; 120 rounds, 446,400 steps.
Expected (published, not run here): Recall@1 63.5.

What is from the paper and what is ours: see `cub_udml`. Here 10,000 clusters,
as in the paper.
"""

import dataclasses

from pipelines.configs.cub_dvml import archives_in
from pipelines.configs.cub_udml import ROUNDS, TRAIN
from pipelines.configs.schema import (
    EvaluationConfig,
    IngestConfig,
    PipelineConfig,
)
from pipelines.configs.sop_dvml import KS


def configure(images: str | None) -> PipelineConfig:
    """Returns the run.

    Args:
        images: folder of the archive; not needed once TFDS has prepared it.
    """
    return PipelineConfig(
        name="sop_udml",
        ingest=IngestConfig(
            dataset="online_products_retrieval/whole",
            archives=archives_in(images),
        ),
        # 59,551 images in batches of 80.
        train=dataclasses.replace(TRAIN, steps_per_epoch=744),
        rounds=dataclasses.replace(ROUNDS, num_clusters=10_000),
        evaluation=EvaluationConfig(ks=KS),
        methods=("untrained", "udml"),
        candidate="udml",
    )
