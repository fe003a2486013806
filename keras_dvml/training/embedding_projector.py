"""Embeddings as TensorBoard's projector shows them, each with its picture."""

import os

import numpy as np
import tensorflow as tf

from keras_dvml.whole_files import whole_file

# More than that a browser turns only slowly.
_MOST_POINTS = 10_000
_THUMBNAIL_SIZE = 48
# Where `tf.train.Checkpoint(embeddings=...)` puts its variable.
_TENSOR_NAME = "embeddings/.ATTRIBUTES/VARIABLE_VALUE"
_CONFIG = """embeddings {{
  tensor_name: "{tensor_name}"
  metadata_path: "metadata.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: {size}
    single_image_dim: {size}
  }}
}}
"""


class EmbeddingProjector:
    """Files that TensorBoard finds in a folder and shows as a cloud.

    Of more than 10,000 items it shows 10,000, evenly spaced.

    Args:
        log_dir: The folder, of one run.
        labels: `(N,)` array. What is written beside each item.
    """

    def __init__(self, log_dir: str | os.PathLike, labels: np.ndarray) -> None:
        self._log_dir = os.fspath(log_dir)
        self._labels = labels
        num_points = min(len(labels), _MOST_POINTS)
        self._rows = np.arange(num_points) * len(labels) // num_points

    def write_items(self, batches: tf.data.Dataset) -> None:
        """Writes what stays the same while a model trains.

        Args:
            batches: `(batch, height, width, 3)` uint8 tensors, N images in
                all.
        """
        # A single column has no header, and each row is one line.
        lines = [
            (" ".join(str(label).split()) or "-") + "\n"
            for label in self._labels[self._rows]
        ]
        self._write("metadata.tsv", "".join(lines).encode())
        sprite = _sprite(batches, self._rows)
        self._write("sprite.png", tf.io.encode_png(sprite).numpy())
        config = _CONFIG.format(tensor_name=_TENSOR_NAME, size=_THUMBNAIL_SIZE)
        self._write("projector_config.pbtxt", config.encode())

    def write_embeddings(self, embeddings: np.ndarray, epoch: int) -> None:
        """Writes embeddings in place of those written before.

        Args:
            embeddings: `(N, dim)` float32 array.
            epoch: Number of the epoch that they are of.
        """
        checkpoint = tf.train.Checkpoint(
            embeddings=tf.Variable(tf.constant(embeddings[self._rows]))
        )
        # A new name each time: TensorBoard looks for nothing else.
        tf.train.CheckpointManager(
            checkpoint,
            self._log_dir,
            max_to_keep=1,
            checkpoint_name="embeddings",
        ).save(checkpoint_number=epoch)

    def _write(self, name, content):
        with whole_file(os.path.join(self._log_dir, name)) as file:
            file.write(content)


def _sprite(batches, rows):
    """Draws the images of ascending rows onto one square, row by row."""
    size = _THUMBNAIL_SIZE
    columns = int(np.ceil(np.sqrt(len(rows))))
    tiles = np.zeros((columns**2, size, size, 3), np.uint8)
    num_read = 0
    for images in batches:
        first, end = np.searchsorted(rows, [num_read, num_read + len(images)])
        if first < end:
            chosen = tf.gather(images, rows[first:end] - num_read)
            resized = tf.image.resize_with_pad(
                chosen, size, size, antialias=True
            )
            resized = tf.saturate_cast(tf.round(resized), tf.uint8)
            tiles[first:end] = resized.numpy()
        num_read += len(images)
    tiles = tiles.reshape(columns, columns, size, size, 3).swapaxes(1, 2)
    return tiles.reshape(columns * size, columns * size, 3)
