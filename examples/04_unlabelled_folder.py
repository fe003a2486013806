"""From a folder of unlabelled images to clusters. Some forty seconds.

The folder holds drawn characters. The backbone knows other characters, clean
ones, as one from ImageNet would know other things. Without a label it adapts
to the folder; the true names are only compared with.
"""

# %%
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.data.datasets import load_glyphs

keras.utils.set_random_seed(0)
images, names = load_glyphs(
    "train", config="easy", num_classes=24, images_per_class=20
)
folder = pathlib.Path(tempfile.mkdtemp())
paths = [folder / f"{number:03}.png" for number in range(len(images))]
for path, image in zip(paths, images, strict=True):
    path.write_bytes(tf.io.encode_png(image).numpy())

# %% [markdown]
# The stand-in for a pretrained backbone:

# %%
backbone = kd.models.conv_backbone(48)
pretrained = kd.models.EmbeddingModel(backbone, embedding_dim=64)
pretrained.compile("adam", loss=kd.losses.MultiSimilarityLoss())
pretrained.fit(
    kd.data.balanced_batches(
        *load_glyphs("pretrain", num_classes=60, images_per_class=10),
        augment=kd.data.random_shift,
        steps_per_epoch=50,
    ),
    verbose=2,
)

# %% [markdown]
# `PseudoLabels` is the source of batches and a callback at once: every two
# epochs it clusters the images anew, and the clusters are the labels.

# %%
model = kd.models.UDML(
    kd.models.freeze_batch_norm(backbone),
    embedding_dim=64,
    rotation_weight=0.3,
)
pseudo = kd.training.PseudoLabels(
    paths, num_clusters=30, every=2, image_size=48, true_labels=names
)
model.compile(keras.optimizers.Adam(3e-4), loss=kd.losses.MultiSimilarityLoss())
model.fit(
    pseudo.batches(
        classes_per_batch=16,
        images_per_class=5,
        steps_per_epoch=8,
        augment=kd.data.random_shift,
    ),
    epochs=10,
    callbacks=[pseudo],
    verbose=0,
)

print("round  epoch   sizes  changed  NMI with the true names")
for done in pseudo.rounds:
    sizes = f"{done.smallest}..{done.largest}"
    # The first round has none before it.
    changed = "" if done.changed is None else f"{done.changed:.1%}"
    print(
        f"{done.round:5}  {done.epoch:5}  {sizes:>6}  {changed:>7}  "
        f"{done.nmi_true:.3f}"
    )

# %%
embeddings = model.predict(
    kd.data.image_batches(paths, image_size=48), verbose=0
)
scores = kd.evaluation.evaluate_retrieval(embeddings, names, ks=(1,))
print({name: round(score, 3) for name, score in scores.items()})

# %% [markdown]
# A row for each of the largest clusters, the image nearest its centroid first.

# %%
clustering = kd.clustering.k_means(embeddings, num_clusters=30)
shown = []
for number in np.argsort(-clustering.sizes)[:10]:
    members = np.flatnonzero(clustering.assignments == number)
    nearest = members[np.argsort(clustering.distances[members])][:8]
    pictures = [paths[member].read_bytes() for member in nearest]
    shown.append(kd.reports.Cluster(f"{number}", len(members), pictures))
ax = kd.reports.plot_clusters(
    kd.reports.ClusterRound("The largest clusters", "", shown)
)
ax.figure.savefig(folder / "clusters.png", bbox_inches="tight")
print("See", folder / "clusters.png")
