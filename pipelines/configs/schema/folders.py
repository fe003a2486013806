"""What the runs on a folder of one's own images share."""

from pipelines.configs.schema.train import TrainConfig

# Weights that suit most images are changed little, the new heads much.
PRETRAINED = TrainConfig(
    backbone="efficientnet_lite0",
    weights="imagenet",
    batch_norm_frozen=True,
    image_size=64,
    head_rate=10.0,
    epochs=8,
    steps_per_epoch=25,
    learning_rate=1e-4,
    release_decoder_at=2,
    evaluate_every=4,
)
