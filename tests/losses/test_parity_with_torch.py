"""Where pytorch-metric-learning defines the same loss, the values agree.

The definitions that are the same are those of `benchmarks/losses_in_torch.py`,
which run in an environment of their own.
"""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

ROOT = pathlib.Path(__file__).parent.parent.parent
PEERS = ROOT / ".venv-peers" / "bin" / "python"

OTHER_DEFINITIONS = {
    "margin": "draws its negatives at random",
    "proxy_nca": "counts the own class in the sum over the others",
    "smooth_ap": "mixes up the number of classes and of images of each",
    "ranked_list": "has 1e-5 in its denominators, and differentiates weights",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PEERS.exists(), reason="PyTorch is in .venv-peers"),
]


@pytest.fixture(scope="module")
def benchmark():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import losses

        yield losses


@pytest.fixture(scope="module")
def torch_peers(benchmark):
    peers = benchmark.TorchPeers(str(PEERS), threads=1)
    yield peers
    peers.process.kill()
    peers.process.communicate()


def batch(seed, num_classes=8, num_images=5, dim=16):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_images)
    centres = random.normal(size=(num_classes, dim))
    embeddings = centres[labels] + random.normal(size=(len(labels), dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return labels, embeddings.astype(np.float32)


def assert_same(benchmark, torch_peers, name, seed):
    labels, embeddings = batch(seed)
    loss = benchmark.OURS[name](8, 16)
    proxies = benchmark.proxies_of(loss)
    theirs = torch_peers.load(name, labels, embeddings, proxies)
    embeddings = tf.constant(embeddings)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        # Only the part along the unit sphere: some scale to unit length first.
        ours = loss(labels, tf.math.l2_normalize(embeddings, axis=1))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, err_msg=name)
    expected = along_sphere(torch_peers.gradient(), embeddings)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(
        along_sphere(tape.gradient(ours, embeddings).numpy(), embeddings),
        expected,
        atol=1e-5 * scale,
        err_msg=name,
    )


def along_sphere(gradient, embeddings):
    radial = np.sum(gradient * embeddings, axis=1, keepdims=True)
    return gradient - radial * embeddings


def test_losses_equal_those_in_torch(benchmark, torch_peers):
    for name in sorted({*torch_peers.names} - {*OTHER_DEFINITIONS}):
        for seed in range(3):
            assert_same(benchmark, torch_peers, name, seed)
