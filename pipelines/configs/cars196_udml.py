"""UDML-SS on the cars of Cars196, whose labels only the scores look at.

Paper: Cao et al., Unsupervised Deep Metric Learning via Auxiliary Rotation
    Loss, 2019.
Command: with car_ims.tgz and cars_annos.mat in FOLDER,
    python -m pipelines.local_runner --config cars196_udml --images FOLDER
Hardware: one GPU. Time: not measured; 120 rounds, 60,000 steps.
Expected (published, not run here): Recall@1 45.1, and about 7 points less with
    `--set train.rotation_weight=0`.

What is from the paper and what is ours: see `cub_udml`.
"""

from pipelines.configs.schema.papers import udml_run

# 8,054 images in batches of 80.
configure = udml_run("cars196_udml", "cars196", steps_per_epoch=100)
