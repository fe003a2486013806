"""DVML on drawn characters: fit, embed, score. About half a minute."""

# %%
import keras

import keras_dvml as kd
from keras_dvml.data.datasets import load_glyphs

keras.utils.set_random_seed(0)
images, labels = load_glyphs("train", config="easy", num_classes=40)
test_images, test_labels = load_glyphs("test", config="easy", num_classes=40)

# %% [markdown]
# The backbone is any Keras model from images to pooled features. In the first
# phase the decoder only follows the embedding; from the fourth epoch on it
# shapes it.

# %%
model = kd.models.DVML(kd.models.conv_backbone(48), embedding_dim=64)
model.compile("adam", loss=kd.losses.TripletSemiHardLoss(margin=0.2))
model.fit(
    kd.data.balanced_batches(images, labels, augment=kd.data.random_shift),
    epochs=6,
    callbacks=[
        kd.training.PhaseSchedule(release_decoder_at=3),
        kd.training.RetrievalEvaluation(
            test_images, test_labels, ks=(1,), every=3, clustering=False
        ),
    ],
    verbose=2,
)

# %% [markdown]
# Training and test have no character in common: what is measured is how well
# characters are told apart that the model never saw.

# %%
embeddings = model.predict(test_images, verbose=0)
scores = kd.evaluation.evaluate_retrieval(embeddings, test_labels)
for name, score in scores.items():
    print(f"{name:12} {score:.1%}")
