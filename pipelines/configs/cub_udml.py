"""UDML-SS on the birds of CUB-200-2011, whose labels only the scores look at.

Paper: Cao et al., Unsupervised Deep Metric Learning via Auxiliary Rotation
    Loss, 2019.
Command: with CUB_200_2011.tgz in FOLDER,
    python -m pipelines.local_runner --config cub_udml --images FOLDER
    Without a network `--set train.backbone=PATH` of the unpacked feature
    vector.
Hardware: one GPU. Time: not measured; 120 rounds, 43,800 steps.
Expected (published, not run here): Recall@1/2/4/8 54.7 / 66.9 / 77.4 / 86.1,
    NMI 61.4.

From the paper: backbone pretrained on ImageNet, its batch normalisation left
alone, size of images and their random parts, 16 clusters x 5 images and 16 of
these turned, the weight 0.1 of the rotation loss, 100 clusters made anew every
5 epochs, 600 epochs, Adam at 1e-5 with a decay of 5e-4. Ours: the width of the
embedding, and Keras' kind of decay, which takes it from the weights and not
through the gradients.
"""

from pipelines.configs.cub_dvml import INCEPTION_V1, archives_in
from pipelines.configs.schema import (
    IngestConfig,
    PipelineConfig,
    RoundsConfig,
    TrainConfig,
)

#: The set-up that all data sets of the paper share.
TRAIN = TrainConfig(
    backbone=INCEPTION_V1,
    batch_norm_frozen=True,
    image_size=227,
    embedding_dim=128,
    rotation_weight=0.1,
    rotation_batch=16,
    # 5,864 images in batches of 80.
    steps_per_epoch=73,
    classes_per_batch=16,
    images_per_class=5,
    augmentation="random_resized_crop",
    crop_min_area=0.16,
    learning_rate=1e-5,
    weight_decay=5e-4,
    evaluate_every=0,
)

ROUNDS = RoundsConfig(num_rounds=120, epochs_per_round=5, num_clusters=100)


def configure(images: str | None) -> PipelineConfig:
    """Returns the run.

    Args:
        images: folder of the archive; not needed once TFDS has prepared it.
    """
    return PipelineConfig(
        name="cub_udml",
        ingest=IngestConfig(
            dataset="cub200_retrieval/whole", archives=archives_in(images)
        ),
        train=TRAIN,
        rounds=ROUNDS,
        methods=("untrained", "udml"),
        candidate="udml",
    )
