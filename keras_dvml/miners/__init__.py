"""Miners choose which pairs of a batch a loss compares: one file a miner."""

from keras_dvml.miners.batch_easy import BatchEasyMiner
from keras_dvml.miners.distance_weighted import DistanceWeightedMiner
from keras_dvml.miners.easy_positive import EasyPositiveMiner
from keras_dvml.miners.hard import HardMiner
from keras_dvml.miners.miner import AllMiner, Miner
from keras_dvml.miners.multi_similarity import MultiSimilarityMiner
from keras_dvml.miners.semi_hard import SemiHardMiner
from keras_dvml.miners.uniform_histogram import UniformHistogramMiner

__all__ = [
    "AllMiner", "BatchEasyMiner", "DistanceWeightedMiner",
    "EasyPositiveMiner", "HardMiner", "Miner", "MultiSimilarityMiner",
    "SemiHardMiner", "UniformHistogramMiner",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
