"""Back into what was published: its model, its index and what is known."""

import functools
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_dvml.index import Index
from keras_dvml.index.scann_library import register_operations
from keras_dvml.index.text_ids import text_ids
from keras_dvml.serving.facts import read_facts
from keras_dvml.serving.index_variables import read_index
from keras_dvml.serving.model_file import read_model
from keras_dvml.serving.versions import versions_of
from keras_dvml.whole_files import full_path


def load(path: str | os.PathLike) -> "Published":
    """Opens a published model; each part is read when it is first used.

    Args:
        path: A version such as `saved_models/birds/3`, or the folder of the
            versions, `saved_models/birds`, for the newest.

    Raises:
        FileNotFoundError: If there is no such model.

    Example:
        >>> import os, tempfile
        >>> import keras_dvml as kd
        >>> path = os.path.join(tempfile.mkdtemp(), "birds")
        >>> model = kd.models.conv_backbone(16, widths=(4, 8))
        >>> index = kd.index.ExactIndex.build([[0.0] * 8], ids=["wren"])
        >>> _ = kd.serving.export(model, path, index=index, k=1)
        >>> published = kd.load(path)
        >>> published.version, published.index.ids.tolist()
        (1, ['wren'])
        >>> published.model.output_shape, published.facts["metric"]
        ((None, 8), 'dot_product')
    """
    folder = full_path(path)
    if not tf.io.gfile.exists(os.path.join(folder, "saved_model.pb")):
        versions = versions_of(folder)
        if not versions:
            raise FileNotFoundError(
                "path must be of a published model, such as "
                f"saved_models/birds, or of a version of one; received {folder}"
            )
        folder = os.path.join(folder, str(versions[-1]))
    return Published(folder)


class Published:
    """A version of a published model, as `load` returns it.

    Attributes:
        folder: Of the version.

    Example:
        >>> import os, tempfile
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> path = os.path.join(tempfile.mkdtemp(), "birds")
        >>> _ = kd.serving.export(
        ...     kd.models.conv_backbone(16, widths=(4, 8)), path
        ... )
        >>> image = tf.io.encode_png(tf.zeros((20, 30, 3), tf.uint8)).numpy()
        >>> embeddings, reasons = kd.load(path).embed([image, b"no image"])
        >>> embeddings.shape, [reason == "" for reason in reasons]
        ((2, 8), [True, False])
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"Published({self.folder!r})"

    @property
    def name(self) -> str:
        """The name of the model."""
        return os.path.basename(os.path.dirname(self.folder))

    @property
    def version(self) -> int | None:
        """The number of the version; `None` of a folder without one."""
        name = os.path.basename(self.folder)
        return int(name) if name.isdecimal() else None

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """What was measured and is known of the version, as it was written."""
        return read_facts(self.folder)

    @functools.cached_property
    def model(self) -> keras.Model:
        """The Keras model that was exported, not compiled.

        Raises:
            FileNotFoundError: If the version carries none.
        """
        return read_model(self.folder)

    @functools.cached_property
    def index(self) -> Index | None:
        """The index that was exported; `None` of a model that only embeds."""
        return read_index(self.folder, self.facts)

    @functools.cached_property
    def signatures(self) -> Any:
        """The functions that a server calls, by name."""
        if any("Scann>" in op for op in self.facts.get("custom_ops", ())):
            register_operations()
        # What is not held is gone: signatures do not keep their model.
        self._served = tf.saved_model.load(self.folder)
        return self._served.signatures

    def embed(
        self, image_bytes: Sequence[bytes]
    ) -> tuple[np.ndarray, list[str]]:
        """Embeds image files; one that cannot be decoded spoils no other.

        Args:
            image_bytes: Contents of image files, as many as fit into memory
                at once when decoded.

        Returns:
            Tuple of `(N, dim)` float32 embeddings, zeros where a file could
            not be read, and N reasons, "" where it could.
        """
        embed = self.signatures["embed"]
        dim = embed.structured_outputs["embedding"].shape[-1]
        embeddings = np.zeros((len(image_bytes), dim), np.float32)
        reasons = [""] * len(image_bytes)

        def fill(begin: int, end: int) -> None:
            """Embeds a part; one that fails by halves, down to one file."""
            try:
                part = tf.constant(image_bytes[begin:end], tf.string)
                embeddings[begin:end] = embed(image_bytes=part)["embedding"]
            except tf.errors.InvalidArgumentError as error:
                if end - begin == 1:
                    reasons[begin] = reason_of(error)
                else:
                    middle = (begin + end) // 2
                    fill(begin, middle)
                    fill(middle, end)

        if len(image_bytes):
            fill(0, len(image_bytes))
        return embeddings, reasons

    def search(
        self, embeddings: np.ndarray, k: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the nearest of the gallery, as a server does.

        Args:
            embeddings: `(N, dim)` float32 array.
            k: 1..(number of embeddings); `None` for what servers return.

        Returns:
            Tuple of `(N, k)` ids and scores, as `Index.search`.

        Raises:
            ValueError: If the version has no index, or k is out of range.
        """
        if "search_embedding" not in self.signatures:
            raise ValueError(
                f"path must be of a model with an index; received {self.folder}"
            )
        if k is not None and k > self.facts["k"]:
            index = self.index
            assert index is not None
            return index.search(embeddings, k)
        found = self.signatures["search_embedding"](
            embedding=tf.constant(embeddings)
        )
        ids = text_ids(found["ids"].numpy().ravel())
        ids = ids.reshape(found["ids"].shape)
        return ids[:, :k], found["scores"].numpy()[:, :k]


def reason_of(error: tf.errors.OpError) -> str:
    """Returns what an error of a graph says, without where in the graph."""
    lines = [line.strip() for line in error.message.splitlines()]
    lines = [line for line in lines if line and "[[" not in line]
    return next((line for line in lines if "must be" in line), lines[-1])
