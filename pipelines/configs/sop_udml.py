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

from pipelines.configs.schema.papers import udml_run

# 59,551 images in batches of 80.
configure = udml_run(
    "sop_udml", "online_products", num_clusters=10_000, steps_per_epoch=744
)
