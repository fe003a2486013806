"""Parts of a backbone that stay as they were pretrained."""

import keras

from keras_dvml import keras_versions


def freeze_batch_norm(backbone: keras.Model) -> keras.Model:
    """Makes every batch normalisation of a model use its moving statistics.

    A batch of few classes has other statistics than the images a backbone was
    pretrained on; the published set-ups leave the layers as they are. To
    freeze the whole backbone, set `backbone.trainable = False`.

    Args:
        backbone: Changed in place, what is nested in it included.

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
    for layer in keras_versions.nested_layers(backbone):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return backbone


def freeze_up_to(backbone: keras.Model, layer_name: str) -> keras.Model:
    """Makes a layer of a model and all before it stay as they are.

    The lower layers of a pretrained backbone suit other images as well; a step
    that trains the upper ones alone takes less time.

    Args:
        backbone: Changed in place.
        layer_name: Of one of `backbone.layers`, such as `"block_9_add"` of
            `efficientnet_lite0`, or of the layers of a model within it.

    Returns:
        The same model.

    Raises:
        ValueError: If there is no layer of that name.

    Example:
        >>> import keras_dvml as kd
        >>> backbone = kd.models.efficientnet_lite0(32, weights=None)
        >>> len(backbone.trainable_weights)
        147
        >>> kd.models.freeze_up_to(backbone, "block_14_add")
        <...Functional...>
        >>> len(backbone.trainable_weights)
        12
    """
    models = [backbone, *keras_versions.nested_layers(backbone)]
    for model in models:
        layers = model.layers if isinstance(model, keras.Model) else []
        names = [layer.name for layer in layers]
        if layer_name in names:
            for layer in layers[: names.index(layer_name) + 1]:
                layer.trainable = False
            return backbone
    names = [layer.name for layer in backbone.layers]
    raise ValueError(
        f"layer_name must be that of one of the layers of {backbone.name}, "
        f"such as {names[len(names) // 2]!r}; received {layer_name!r}"
    )
