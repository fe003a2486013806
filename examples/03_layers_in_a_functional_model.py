"""DVML's layers in a plain `keras.Model`; their terms come by `add_loss`.

The metric loss is used twice, on the embedding and on a synthetic one. The
decoder's output has no loss of its own: it is among the outputs so that
the layer, which adds the reconstruction error, is part of the model.
"""

# %%
import keras

import keras_dvml as kd
from keras_dvml.data.datasets import load_glyphs

keras.utils.set_random_seed(0)
images, labels = load_glyphs("train", config="easy", num_classes=40)
test_images, test_labels = load_glyphs("test", config="easy", num_classes=40)

# %%
pixels = keras.Input((48, 48, 3))
scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
features = kd.models.conv_backbone(48)(scaled)
parts = kd.layers.VariationalEmbedding(
    64, num_samples=1, prior_weight=0.01, seed=0
)(features)
decoded = kd.layers.FeatureDecoder(256, reconstruction_weight=1.0)(
    parts.synthetic, features
)
unit_length = keras.layers.UnitNormalization()
model = keras.Model(
    pixels,
    {
        "embedding": unit_length(parts.invariant),
        "synthetic": unit_length(parts.synthetic[0]),
        "decoded": decoded,
    },
)

# %%
metric_loss = kd.losses.TripletSemiHardLoss(margin=0.2)
model.compile(
    "adam",
    loss={"embedding": metric_loss, "synthetic": metric_loss},
    loss_weights={"embedding": 1.0, "synthetic": 0.1},
)
batches = kd.data.balanced_batches(images, labels)
model.fit(
    batches.map(lambda x, y: (x, {"embedding": y, "synthetic": y})),
    epochs=5,
    verbose=2,
)

# %%
embeddings = model.predict(test_images, verbose=0)["embedding"]
scores = kd.evaluation.evaluate_retrieval(embeddings, test_labels)
print(f"Recall@1 on unseen characters: {scores['recall@1']:.1%}")
