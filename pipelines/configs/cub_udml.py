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

from pipelines.configs.schema.papers import udml_run

# 5,864 images in batches of 80.
configure = udml_run("cub_udml", "cub200", steps_per_epoch=73)
