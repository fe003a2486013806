"""DVML against its plain loss on the cars of Cars196.

Paper: Lin et al., Deep Variational Metric Learning, ECCV 2018.
Command: with car_ims.tgz and cars_annos.mat in FOLDER, for the triplet loss,
    python -m pipelines.local_runner --config cars196_dvml --images FOLDER
    and with `--set train.loss=n_pair`, `--set train.loss=angular`, each with
    a `--name` of its own, for the two others of the paper.
Hardware: one GPU. Time: not measured; 20,000 steps for each method.
Expected (published, not run here): Recall@1 82.0 for DVML, over which loss we
    do not know; 58.5 for the triplet loss alone.

What is from the paper and what is ours: see `cub_dvml`.
"""

from pipelines.configs.schema.papers import dvml_run

configure = dvml_run("cars196_dvml", "cars196")
