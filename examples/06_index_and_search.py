"""From image files to a SavedModel that searches them. Some ten seconds."""

# %%
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

# %% [markdown]
# Here a model would be trained; a random one finds colours and brightness.

# %%
model = kd.models.EmbeddingModel(kd.models.conv_backbone(48))
gallery = kd.data.image_batches(paths, image_size=48)
embeddings = model.predict(gallery, verbose=0)

# %% [markdown]
# What is exported is searched with image bytes, as TensorFlow Serving would
# send them: decoding and scaling are inside.

# %%
index = kd.index.ExactIndex.build(embeddings, ids=[p.name for p in paths])
(version,) = kd.serving.export(model, folder / "models", index=index, k=5)

served = tf.saved_model.load(version)
query = tf.io.read_file(str(paths[7]))
found = served.signatures["search"](image_bytes=query[None])
ids = [name.decode() for name in found["ids"][0].numpy()]
scores = found["scores"][0].numpy().tolist()
print(f"Most similar to {paths[7].name}, from {version}:")
for name, score in zip(ids, scores, strict=True):
    print(f"  {name}  {score:.3f}")

# %%
search = kd.reports.Search(
    query.numpy(),
    query_label=paths[7].name,
    results=[
        kd.reports.SearchResult((folder / name).read_bytes(), name, score)
        for name, score in zip(ids, scores, strict=True)
    ],
)
figure = kd.reports.plot_search(search)[0].figure
figure.savefig(folder / "search.png", bbox_inches="tight")
print("See", folder / "search.png")
