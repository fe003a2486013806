"""Run in a process of its own: a training run that may kill itself.

Arguments: checkpoint folder, step to die at (0: never), file for the result.
"""

import os
import signal
import sys

import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd

checkpoint_dir, fatal_step, result_path = sys.argv[1:]
tf.config.experimental.enable_op_determinism()
keras.utils.set_random_seed(0)

random = np.random.default_rng(0)
images = random.integers(0, 256, (60, 16, 16, 3)).astype(np.uint8)
labels = np.arange(60) // 10


class Killer(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == int(fatal_step):
            os.kill(os.getpid(), signal.SIGKILL)


backbone = kd.models.conv_backbone(16, widths=(4, 8))
model = kd.models.DVML(backbone, embedding_dim=8, num_samples=3, seed=0)
model.compile("adam", loss=kd.losses.TripletSemiHardLoss())
batches = kd.data.balanced_batches(
    images,
    labels,
    classes_per_batch=4,
    images_per_class=3,
    augment=kd.data.random_resized_crop,
)
history = kd.training.resumable_fit(
    model,
    batches,
    epochs=4,
    checkpoint_dir=checkpoint_dir,
    save_every=2,
    callbacks=[
        kd.training.PhaseSchedule(release_decoder_at=2),
        kd.training.RetrievalEvaluation(images, labels, every=2),
        Killer(),
    ],
    verbose=0,
)
weights = {str(i): one for i, one in enumerate(model.get_weights())}
np.savez(result_path, history=repr(history), **weights)
