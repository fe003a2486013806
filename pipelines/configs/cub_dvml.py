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

from pipelines.configs.schema.papers import dvml_run

configure = dvml_run("cub_dvml", "cub200")
