"""DVML against its plain loss on the birds of CUB-200-2011.

Paper: Lin et al., Deep Variational Metric Learning, ECCV 2018.
Command: with CUB_200_2011.tgz in FOLDER, for the triplet loss,
    python -m pipelines.local_runner --config cub_dvml --images FOLDER
    and with `--set train.loss=n_pair`, `--set train.loss=angular`, each with
    a `--name` of its own, for the two others of the paper. Without a network
    `--set train.backbone=PATH` of the unpacked feature vector.
Hardware: one GPU. Time: not measured; 20,000 steps for each method.
Expected (published, not run here): Recall@1 52.7 for DVML, over which loss we
    do not know; 39.8 for the triplet loss alone.

From the paper: backbone and its 1024 features pretrained on ImageNet, size of
images and of the embedding, 20 draws, Adam, the two phases and the weights of
the terms but two. Ours: the weights of the divergence and of the
reconstruction, which are means here (`docs/guides/dvml.md`; the paper's sums
are `--set train.prior_weight=512,409.6` and
`--set train.reconstruction_weight=1024,1024`), the batch, the rates, the number
of steps, batch normalisation as pretrained; and images are cut to their middle
square before a random part of at least the area that 227 of 256 pixels leave is
taken, which changes its shape a little as well.
"""

import pathlib

from pipelines.configs.schema import IngestConfig, PipelineConfig, TrainConfig

#: Inception-v1, which is GoogLeNet, with batch normalisation.
INCEPTION_V1 = "https://tfhub.dev/google/imagenet/inception_v1/feature_vector/5"

#: The set-up that all data sets of the paper share.
TRAIN = TrainConfig(
    backbone=INCEPTION_V1,
    batch_norm_frozen=True,
    image_size=227,
    embedding_dim=512,
    num_samples=20,
    epochs=200,
    steps_per_epoch=100,
    classes_per_batch=32,
    images_per_class=4,
    augmentation="random_resized_crop",
    crop_min_area=0.78,
    learning_rate=1e-5,
    head_rate=10.0,
    release_decoder_at=50,
    evaluate_every=20,
)


def configure(images: str | None) -> PipelineConfig:
    """Returns the run.

    Args:
        images: folder of the archive; not needed once TFDS has prepared it.
    """
    return PipelineConfig(
        name="cub_dvml",
        ingest=IngestConfig(
            dataset="cub200_retrieval/whole", archives=archives_in(images)
        ),
        train=TRAIN,
        methods=("untrained", "plain", "dvml"),
    )


def archives_in(images: str | None) -> str:
    """Returns `IngestConfig.archives` for what stands behind `--images`.

    Args:
        images: folder, or `None`.
    """
    if not images or "://" in images:
        # A URI is refused by its own name.
        return images or ""
    return str(pathlib.Path(images).expanduser().resolve())
