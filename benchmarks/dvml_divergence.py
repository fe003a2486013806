"""What the weight of DVML's divergence does to the embedding, and why.

    python benchmarks/dvml_divergence.py

Cost: about ten minutes on two CPU cores. Trains the triplet loss + DVML as the
adapted rows of `accuracy_glyphs.py --validation` do, with several weights and,
at the paper's, without one of its other parts. Prints of images of the
validation classes, for each seed:

- Recall@1 and MAP@R, in %;
- sigma: the learned spread of the variation, mean over images and dimensions;
- |z_I|: the length of the embedding before its normalisation, mean;
- cosine: of the embedding and a synthetic one, mean. Chance is 0.

`runs/dvml_divergence.md` keeps the table.
"""

import argparse
import dataclasses
import pathlib

import figures
import glyph_runs
import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd

SEEDS = (0, 1)
NUM_IMAGES = 500
PAPER = (1.0, 0.8)
TRIPLET = glyph_runs.ROWS["triplet"]
DVML = glyph_runs.ROWS["triplet + DVML"]


def with_weight(weight, row=DVML, **model):
    """Returns a row of DVML with this weight of the divergence."""
    model = {**row.model, "prior_weight": weight, **model}
    return dataclasses.replace(row, model=model)


ROWS = {
    "triplet alone": TRIPLET,
    "weights 1 and 0.8": with_weight(PAPER),
    "the same, no reconstruction": with_weight(
        PAPER, reconstruction_weight=0.0
    ),
    "the same, no synthetic loss": with_weight(PAPER, synthetic_weight=0.0),
    "the same, 1 draw": with_weight(PAPER, num_samples=1),
    "the same, phase 1 only": dataclasses.replace(with_weight(PAPER), phases=1),
    "weight 0.1": with_weight(0.1),
    "weight 0.01": with_weight(0.01),
    "no divergence": with_weight(0.0),
}


def pretrained_weights(settings, seed):
    """Returns the weights of a backbone pretrained on other characters."""
    keras.utils.set_random_seed(seed)
    backbone = kd.models.conv_backbone(glyph_runs.IMAGE_SIZE, settings.widths)
    glyph_runs.pretrain(backbone, settings, seed)
    return backbone.get_weights()


def adapted_model(row, weights, settings, seed):
    """Returns the model of a row, trained from pretrained weights."""
    keras.utils.set_random_seed(seed)
    backbone = kd.models.conv_backbone(glyph_runs.IMAGE_SIZE, settings.widths)
    backbone.set_weights(weights)
    kd.models.freeze_batch_norm(backbone)
    keras.utils.set_random_seed(seed)
    return glyph_runs.train_with_labels(backbone, row, settings, seed)


def retrieval(model, images, labels):
    """Returns Recall@1 and MAP@R in %."""
    scores = kd.evaluation.evaluate_retrieval(
        model.predict(images, verbose=0),
        labels,
        ks=(1,),
        clustering=False,
        progress=False,
    )
    return 100 * scores["recall@1"], 100 * scores["map@r"]


def variation(model, images):
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
    """Trains row by row and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="runs/dvml_divergence.md")
    arguments = parser.parse_args()
    settings = glyph_runs.Settings(validation=True)
    images, labels = glyph_runs.load_split("test", settings)
    pretrained = {seed: pretrained_weights(settings, seed) for seed in SEEDS}
    record = figures.Record()
    record.header(
        *("", "seed", "Recall@1", "MAP@R", "sigma", r"\|z_I\|", "cosine")
    )
    for name, row in ROWS.items():
        for seed, weights in pretrained.items():
            keras.backend.clear_session()
            model = adapted_model(row, weights, settings, seed)
            recall, map_at_r = retrieval(model, images, labels)
            cells = [f"{recall:.1f}", f"{map_at_r:.1f}", "", "", ""]
            if isinstance(model, kd.models.DVML):
                sigma, length, cosine = variation(model, images[:NUM_IMAGES])
                cells[2:] = f"{sigma:.2f}", f"{length:.1f}", f"{cosine:.2f}"
            record.row(name, seed, *cells)
    path = pathlib.Path(arguments.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    record.write(path)


if __name__ == "__main__":
    main()
