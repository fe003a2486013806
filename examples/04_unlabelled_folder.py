"""From a folder of unlabelled images to clusters. Some forty seconds.

The folder holds drawn characters. The backbone knows other characters, clean
ones, as one from ImageNet would know other things. Without a label it adapts
to the folder; the true names are compared with and nothing else.
"""

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
for one in pseudo.rounds:
    sizes = f"{one.smallest}..{one.largest}"
    print(
        f"{one.round:5}  {one.epoch:5}  {sizes:>6}  {one.changed:7.1%}  "
        f"{one.nmi_true:.3f}"
    )
embeddings = model.predict(
    kd.data.image_batches(paths, image_size=48), verbose=0
)
scores = kd.evaluation.evaluate_retrieval(embeddings, names, ks=(1,))
print({name: round(score, 3) for name, score in scores.items()})

# A row for each of the largest clusters, the image nearest its centroid first.
clusters = kd.clustering.k_means(embeddings, num_clusters=30)
rows = []
for cluster in np.argsort(-clusters.sizes)[:16]:
    members = np.flatnonzero(clusters.assignments == cluster)
    nearest = members[np.argsort(clusters.distances[members])][:20]
    row = np.full((20, 48, 48, 3), 255, np.uint8)
    row[: len(nearest)] = images[nearest]
    rows.append(np.concatenate(row, axis=1))
gallery = folder / "clusters.png"
gallery.write_bytes(tf.io.encode_png(np.concatenate(rows)).numpy())
print("Clusters, one a row:", gallery)
