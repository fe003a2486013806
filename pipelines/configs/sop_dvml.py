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

from pipelines.configs.schema.papers import dvml_run

configure = dvml_run(
    "sop_dvml",
    "online_products",
    epochs=100,
    steps_per_epoch=500,
    classes_per_batch=64,
    images_per_class=2,
    release_decoder_at=25,
)
