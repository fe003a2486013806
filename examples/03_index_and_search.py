"""From image files to a SavedModel that searches them. Some ten seconds."""

import pathlib
import tempfile

import keras
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.data.datasets import load_glyphs

keras.utils.set_random_seed(0)
images, labels = load_glyphs("test", config="easy", num_classes=10)
folder = pathlib.Path(tempfile.mkdtemp())
paths = [folder / f"{number:03}.png" for number in range(len(images))]
for path, image in zip(paths, images, strict=True):
    path.write_bytes(tf.io.encode_png(image).numpy())

# Here a model would be trained; a random one finds colours and brightness.
model = kd.models.EmbeddingModel(kd.models.conv_backbone(48))
gallery = kd.data.image_batches(paths, image_size=48)
embeddings = model.predict(gallery, verbose=0)

index = kd.index.ExactIndex.build(embeddings, ids=[p.name for p in paths])
(version,) = kd.serving.export(model, folder / "models", index=index, k=5)

served = tf.saved_model.load(version)
query = tf.io.read_file(str(paths[7]))
found = served.signatures["search"](image_bytes=query[None])
print(f"Most similar to {paths[7].name}, from {version}:")
for name, score in zip(found["ids"][0], found["scores"][0], strict=True):
    print(f"  {name.numpy().decode()}  {score.numpy():.3f}")
