"""Run in a process of its own: rounds of pseudo-labels, and a kill.

Arguments: checkpoint folder, where to die ("step 3" ends it after 3 steps,
"round 1" while it clusters for round 1, "never"), file for the result.
"""

import os
import signal
import sys

import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd

checkpoint_dir, fatal, result_path = sys.argv[1:]
tf.config.experimental.enable_op_determinism()
keras.utils.set_random_seed(0)

random = np.random.default_rng(0)
images = random.integers(0, 256, (60, 16, 16, 3)).astype(np.uint8)
labels = np.arange(60) // 10


def die_at(place):
    if place == fatal:
        os.kill(os.getpid(), signal.SIGKILL)


class Killer(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        die_at(f"step {int(self.model.optimizer.iterations)}")


def clusterer(embeddings, previous):
    found = kd.clustering.k_means(
        embeddings,
        8,
        # Cut short, so that the start has a say in the end.
        num_iterations=1,
        initial_centroids=None if previous is None else previous.centroids,
    )
    die_at(f"round {len(pseudo.rounds)}")
    return found


backbone = kd.models.conv_backbone(16, widths=(4, 8))
model = kd.models.UDML(
    backbone,
    embedding_dim=8,
    rotation_batch=4,
    variational=True,
    num_samples=3,
    seed=0,
)
model.compile("adam", loss=kd.losses.MultiSimilarityLoss())
pseudo = kd.training.PseudoLabels(
    images, every=2, clusterer=clusterer, true_labels=labels
)
batches = pseudo.batches(
    classes_per_batch=4,
    images_per_class=3,
    augment=kd.data.random_resized_crop,
)
history = kd.training.resumable_fit(
    model,
    batches,
    epochs=6,
    checkpoint_dir=checkpoint_dir,
    save_every=2,
    callbacks=[
        pseudo,
        kd.training.PhaseSchedule(release_decoder_at=2),
        Killer(),
    ],
    verbose=0,
)
weights = {str(i): one for i, one in enumerate(model.get_weights())}
np.savez(
    result_path,
    history=repr(history),
    rounds=repr(pseudo.rounds),
    assignments=pseudo.clustering.assignments,
    centroids=pseudo.clustering.centroids,
    **weights,
)
