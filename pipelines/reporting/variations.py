"""What a variational model of a run learned to vary, for the report."""

import tensorflow as tf

import keras_dvml as kd
from pipelines.artifacts.models import load_keras_model
from pipelines.reporting.searches import spread_over_classes

_NUM_IMAGES = 4
_NUM_DRAWS = 64


def learned_variations(
    model_uri: str,
    images: kd.data.EncodedImages,
    embedding_map: kd.reports.EmbeddingMap,
) -> list[kd.reports.Variation]:
    """Draws synthetic embeddings around a few images, and looks them up.

    Args:
        model_uri: of a Model artifact that `trainer.run_fn` wrote.
        images: to choose from.
        embedding_map: the same images, embedded by that model.

    Returns:
        A `Variation` for each image chosen; none where the model has no
        variation to draw from, being no `models.DVML`.
    """
    model = load_keras_model(model_uri)
    if not isinstance(model, kd.models.DVML):
        return []
    rows = spread_over_classes(images, _NUM_IMAGES)
    decoded = kd.data.decode_images(
        tf.constant([images.image_bytes[row] for row in rows]),
        model.image_size,
        model.image_fit,
    )
    draws = model.generate(decoded, _NUM_DRAWS).numpy()
    return [
        kd.reports.search_variation(embedding_map, row, draws[:, number])
        for number, row in enumerate(rows)
    ]
