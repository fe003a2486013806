"""Which of two models is better, and how sure that is. Under a minute.

Scores come with the interval in which they would move on other characters of
the same kind, the difference between two models with an interval of its own.
The figures are matplotlib axes, saved in a folder and shown in a notebook.
"""

# %%
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from matplotlib import pyplot

import keras_dvml as kd
from keras_dvml.data.datasets import load_glyphs

images, labels = load_glyphs("train", config="easy", num_classes=40)
test_images, test_labels = load_glyphs("test", config="easy", num_classes=40)
folder = pathlib.Path(tempfile.mkdtemp())


def save(figure, name):
    """Writes a figure into the folder and prints where."""
    figure.savefig(folder / name, bbox_inches="tight")
    print("See", folder / name)


# %% [markdown]
# Two models with the same backbone, loss, batches and number of steps.

# %%
MODELS = {"triplet": kd.models.EmbeddingModel, "DVML": kd.models.DVML}
embeddings, histories, scores = {}, {}, {}
for name, kind in MODELS.items():
    keras.utils.set_random_seed(0)
    model = kind(kd.models.conv_backbone(48), embedding_dim=64)
    model.compile("adam", loss=kd.losses.TripletSemiHardLoss(margin=0.2))
    histories[name] = model.fit(
        kd.data.balanced_batches(images, labels, augment=kd.data.random_shift),
        epochs=5,
        verbose=0,
    ).history
    embeddings[name] = model.predict(test_images, verbose=0)
    scores[name] = kd.evaluation.evaluate_retrieval(
        embeddings[name], test_labels
    )

# %% [markdown]
# The thin lines are 95% intervals over the choice of test characters.

# %%
intervals = {
    name: kd.evaluation.bootstrap_intervals(of_model)
    for name, of_model in scores.items()
}
for name, bounds in intervals.items():
    low, high = bounds["map@r"]
    print(
        f"{name:8} MAP@R {scores[name]['map@r']:.1%}, {low:.1%} to {high:.1%}"
    )
figure, ax = pyplot.subplots(figsize=(9, 4))
kd.reports.plot_scores(scores, ax, intervals=intervals)
save(figure, "scores.png")

# %% [markdown]
# The two are judged on the same characters, so what is hard for both cancels
# out. Where an interval holds 0, these characters cannot tell which is better:
# one seed and a hundred steps are no comparison of methods.

# %%
differences = kd.evaluation.compare_retrieval(scores["DVML"], scores["triplet"])
for name, (difference, low, high) in differences.items():
    print(f"{name:12} {difference:+.1%}, {low:+.1%} to {high:+.1%}")

# %% [markdown]
# DVML's terms, as they were logged, without their weights.

# %%
terms = {
    name: values
    for name, values in histories["DVML"].items()
    if name.endswith("_loss")
}
save(kd.reports.plot_history(terms).figure, "terms.png")

# %% [markdown]
# Twelve of the test characters, each a colour, laid out by t-SNE.

# %%
first = test_labels < test_labels[0] + 12
points = kd.reports.project_embeddings(embeddings["DVML"][first])
ax = kd.reports.plot_embedding_map(points, test_labels[first])
save(ax.figure, "map.png")

# %% [markdown]
# The first query whose best result is wrong, and what else it finds among all
# others: right ones in green.

# %%
indices, similarities = kd.evaluation.nearest_neighbors(embeddings["DVML"], 7)
pngs = [tf.io.encode_png(image).numpy() for image in test_images]
is_wrong = test_labels[indices[:, 0]] != test_labels
query = int(np.argmax(is_wrong))
results = [
    kd.reports.SearchResult(
        pngs[found],
        label=f"class {test_labels[found]}",
        score=float(similarity),
        is_hit=bool(test_labels[found] == test_labels[query]),
    )
    for found, similarity in zip(
        indices[query], similarities[query], strict=True
    )
]
search = kd.reports.Search(
    pngs[query], query_label=f"class {test_labels[query]}", results=results
)
save(kd.reports.plot_search(search)[0].figure, "search.png")
