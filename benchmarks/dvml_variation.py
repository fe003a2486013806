"""How far DVML strews synthetic embeddings, by the weight of its divergence.

    python benchmarks/dvml_variation.py

Cost: about four minutes on two CPU cores. Trains the triplet loss + DVML as the
adapted rows of `accuracy_glyphs.py --validation` do, once a weight, and prints
for images of the validation classes:

- sigma: the learned spread of the variation, mean over images and dimensions;
- |z_I|: the length of the embedding before its normalisation, mean;
- cosine: of the embedding and a synthetic one, mean. Chance is 0.
"""

import argparse
import dataclasses
import os

import figures
import glyph_runs
import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd

NUM_IMAGES = 500


def adapted_model(weight, settings, weights_path):
    """Returns the model of an adapted run with this weight of the divergence.

    Args:
        weight: float or pair of floats, for phases 1 and 2.
        settings: `glyph_runs.Settings`.
        weights_path: str. Of the pretrained backbone; written where it is
            missing.
    """
    seed = 0
    keras.utils.set_random_seed(seed)
    backbone = kd.models.conv_backbone(glyph_runs.IMAGE_SIZE, settings.widths)
    if os.path.exists(weights_path):
        backbone.load_weights(weights_path)
    else:
        glyph_runs.pretrain(backbone, settings, seed)
        backbone.save_weights(weights_path)
    kd.models.freeze_batch_norm(backbone)
    keras.utils.set_random_seed(seed)
    row = dataclasses.replace(
        glyph_runs.ROWS["triplet + DVML"], model={"prior_weight": weight}
    )
    return glyph_runs.train_with_labels(backbone, row, settings, seed)


def measure(model, images):
    """Returns sigma, the length of the embedding, and the cosine.

    Args:
        model: `DVML`.
        images: `(N, height, width, 3)` uint8 array.
    """
    head = model.head(model.features(tf.constant(images)))
    sigma = np.exp(0.5 * head.variation_log_variance.numpy())
    center = head.invariant.numpy()
    noise = np.random.default_rng(0).normal(size=sigma.shape)
    synthetic = center + head.variation_mean.numpy() + sigma * noise
    lengths = np.linalg.norm(center, axis=1)
    cosines = np.einsum("nd,nd->n", center, synthetic) / (
        lengths * np.linalg.norm(synthetic, axis=1)
    )
    return sigma.mean(), lengths.mean(), cosines.mean()


def main():
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--results-dir", default="runs/dvml_variation")
    arguments = parser.parse_args()
    os.makedirs(arguments.results_dir, exist_ok=True)
    settings = glyph_runs.Settings(steps=arguments.steps, validation=True)
    images, _ = glyph_runs.load_split("test", settings)
    record = figures.Record()
    record.header("weight", "sigma", r"\|z_I\|", "cosine")
    for weight in ((1.0, 0.8), 0.1, 0.01, 0.0):
        path = os.path.join(arguments.results_dir, "adapted.weights.h5")
        sigma, length, cosine = measure(
            adapted_model(weight, settings, path), images[:NUM_IMAGES]
        )
        record.row(weight, f"{sigma:.2f}", f"{length:.1f}", f"{cosine:.2f}")
    record.write(os.path.join(arguments.results_dir, "variation.md"))


if __name__ == "__main__":
    main()
