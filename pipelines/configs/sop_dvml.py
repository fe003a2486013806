"""DVML against its plain loss on Stanford Online Products.

Paper: Lin et al., Deep Variational Metric Learning, ECCV 2018.
Command: with Stanford_Online_Products.zip in FOLDER, for the triplet loss,
    python -m pipelines.local_runner --config sop_dvml --images FOLDER
    and with `--set train.loss=n_pair`, `--set train.loss=angular`, each with
    a `--name` of its own, for the two others of the paper.
Hardware: one GPU. Time: not measured; 50,000 steps for each method.
Expected (published, not run here): Recall@1 70.2 for DVML, over which loss we
    do not know; 54.9 for the triplet loss alone.

What is from the paper and what is ours: see `cub_dvml`. Classes are small here,
five images each, so that batches hold more classes of two.
"""

import dataclasses

from pipelines.configs.cub_dvml import TRAIN, archives_in
from pipelines.configs.schema import (
    EvaluationConfig,
    IngestConfig,
    PipelineConfig,
)

#: Of Recall@k on this data set.
KS = (1, 10, 100, 1000)


def configure(images: str | None) -> PipelineConfig:
    """Returns the run.

    Args:
        images: folder of the archive; not needed once TFDS has prepared it.
    """
    return PipelineConfig(
        name="sop_dvml",
        ingest=IngestConfig(
            dataset="online_products_retrieval/whole",
            archives=archives_in(images),
        ),
        train=dataclasses.replace(
            TRAIN,
            epochs=100,
            steps_per_epoch=500,
            classes_per_batch=64,
            images_per_class=2,
            release_decoder_at=25,
        ),
        evaluation=EvaluationConfig(ks=KS),
        methods=("untrained", "plain", "dvml"),
    )
