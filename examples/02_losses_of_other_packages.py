"""DVML over losses of TensorFlow Similarity and Addons. Half a minute.

Any Keras loss over (labels, embeddings) can replace one of `kd.losses`.
Both packages ended with TensorFlow 2.15 and Keras 2, which this needs, on
Python 3.10 or 3.11: `pip install -e ".[similarity,addons,datasets]"`.
"""

# %%
import keras
import tensorflow_addons as tfa
import tensorflow_similarity as tfsim

import keras_dvml as kd
from keras_dvml.data.datasets import load_glyphs

images, labels = load_glyphs("train", config="easy", num_classes=24)
test_images, test_labels = load_glyphs("test", config="easy", num_classes=24)

LOSSES = {
    "TensorFlow Similarity": tfsim.losses.MultiSimilarityLoss(),
    "TensorFlow Addons": tfa.losses.TripletSemiHardLoss(margin=0.2),
}

# %% [markdown]
# The loss is taken of the embeddings and of each of the synthetic ones drawn
# around them. Weights, batches and steps are the same for both.

# %%
for package, loss in LOSSES.items():
    keras.utils.set_random_seed(0)
    model = kd.models.DVML(
        kd.models.conv_backbone(48), embedding_dim=64, num_samples=5, seed=0
    )
    model.compile("adam", loss=loss)
    model.fit(
        kd.data.balanced_batches(images, labels, augment=kd.data.random_shift),
        epochs=4,
        verbose=0,
    )
    scores = kd.evaluation.evaluate_retrieval(
        model.predict(test_images, verbose=0), test_labels, clustering=False
    )
    name = f"{type(loss).__name__} of {package}"
    print(f"{name:45} Recall@1 {scores['recall@1']:.1%}")
