"""Parts of a backbone that stay as they were pretrained."""

import keras


def freeze_batch_norm(backbone: keras.Model) -> keras.Model:
    """Makes every batch normalisation of a model use its moving statistics.

    A batch of few classes has other statistics than the images a backbone was
    pretrained on; the published set-ups leave the layers as they are. To
    freeze the whole backbone, set `backbone.trainable = False`.

    Args:
        backbone: Changed in place, nested models included.

    Returns:
        The same model.

    Example:
        >>> import keras_dvml as kd
        >>> backbone = kd.models.conv_backbone(32, widths=(8, 16))
        >>> len(backbone.trainable_weights)
        6
        >>> len(kd.models.freeze_batch_norm(backbone).trainable_weights)
        2
    """
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
        elif isinstance(layer, keras.Model):
            freeze_batch_norm(layer)
    return backbone
