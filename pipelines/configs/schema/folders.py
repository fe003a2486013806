"""What the runs on a folder of one's own images share."""

from pipelines.configs.schema.train import TrainConfig

# The lowest layers suit most images, the upper ones are changed little, the new
# heads much. Chosen by Recall@1 and MAP@R of classes that no figure is of, at
# a cost of minutes on two CPU cores.
PRETRAINED = TrainConfig(
    backbone="efficientnet_lite0",
    weights="imagenet",
    batch_norm_frozen=True,
    frozen_share=0.19,
    image_size=128,
    augmentation="random_resized_crop",
    epochs=6,
    steps_per_epoch=20,
    learning_rate=3e-4,
    learning_rate_decay=True,
    head_rate=3.0,
    # Less of these, and the metric loss, which is small by then, is heard.
    prior_weight=(0.001, 0.001),
    reconstruction_weight=(0.1, 0.1),
    release_decoder_at=2,
    evaluate_every=3,
)
