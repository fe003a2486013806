r"""Time of the losses, forward and backward: ours, peers and the floor.

    .venv/bin/python benchmarks/losses.py --torch-python /path/to/python
    .venv-keras2/bin/python benchmarks/losses.py --losses n_pair circle

Cost: 3 minutes on 2 CPU cores; `--losses n_pair --sizes 80x128` takes seconds.

Prints one row a loss and size as a Markdown table, in milliseconds (medians)
and ratios. All columns of a row are measured in turns within one loop, so that
a busy machine slows them alike. Where other work shares the machine, pass
`--threads 1`: short operations suffer most from waiting for a taken core.

- peer: the fastest that has the loss in the same definition, of
  tensorflow-addons and tensorflow-similarity where these are installed, which
  run on Keras 2 alone, and pytorch-metric-learning where `--torch-python` names
  the interpreter of an environment that has it. What is the same is measured,
  not claimed: it gives our value on the same batch (Margin, whose peer draws at
  random, is taken as the same).
- other: the fastest peer under that name with another value; for information.
- floor: a bare (B, D) x (D, B) product and its gradient, in TensorFlow.
- under XLA the same columns. tensorflow-similarity's losses do not compile.

Batches hold 5 unit-length embeddings of each class.
A peer that would take gigabytes or minutes at a size is left out of it.
"""

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import figures
import numpy as np
import tensorflow as tf

import keras_dvml as kd

SIZES = [(80, 128), (80, 512), (512, 128), (512, 512), (1024, 128)]
IMAGES_PER_CLASS = 5
# Seconds between two columns.
PAUSE = 0.002
TORCH_SERVER = os.path.join(os.path.dirname(__file__), "losses_in_torch.py")

# What a loss may cost as a multiple of the floor, from a batch of 512 on.
BARS = {
    "contrastive": 1.8,
    "triplet_semi_hard": 2.5,
    "triplet_hard": 1.8,
    "n_pair": 1.8,
    "angular": 2.5,
    "lifted_structure": 2.5,
    "multi_similarity": 1.8,
    "circle": 1.8,
}
PACKAGES = {"addons", "similarity", "torch"}
# Largest batch of peers that form triples or pairs of pairs.
LIMITS = {
    ("triplet_semi_hard", "addons"): 512,
    ("n_pair", "torch"): 128,
    ("nt_xent", "torch"): 128,
    ("tuplet_margin", "torch"): 128,
    ("smooth_ap", "torch"): 128,
    ("pnp", "torch"): 128,
    ("histogram", "torch"): 128,
    ("lifted_structure", "addons"): 512,
}


# Name -> function of (number of classes, width of the embedding).
OURS = {
    "contrastive": lambda *_: kd.losses.ContrastiveLoss(),
    "triplet_semi_hard": lambda *_: kd.losses.TripletSemiHardLoss(margin=0.2),
    "triplet_hard": lambda *_: kd.losses.TripletHardLoss(margin=0.2),
    "n_pair": lambda *_: kd.losses.NPairLoss(temperature=0.1),
    "angular": lambda *_: kd.losses.AngularLoss(angle=40.0),
    "lifted_structure": lambda *_: kd.losses.LiftedStructureLoss(margin=1.0),
    "multi_similarity": lambda *_: kd.losses.MultiSimilarityLoss(),
    "circle": lambda *_: kd.losses.CircleLoss(scale=80.0, margin=0.4),
    "histogram": lambda *_: kd.losses.HistogramLoss(num_bins=100),
    "margin": lambda *_: kd.losses.MarginLoss(),
    "supcon": lambda *_: kd.losses.SupConLoss(temperature=0.1),
    "nt_xent": lambda *_: kd.losses.NTXentLoss(temperature=0.07),
    "tuplet_margin": lambda *_: kd.losses.TupletMarginLoss(),
    "intra_pair_variance": lambda *_: kd.losses.IntraPairVarianceLoss(),
    "threshold_consistent_margin": lambda *_: (
        kd.losses.ThresholdConsistentMarginLoss()
    ),
    "snr_contrastive": lambda *_: kd.losses.SignalToNoiseRatioContrastiveLoss(),
    "ranked_list": lambda *_: kd.losses.RankedListLoss(),
    "fast_ap": lambda *_: kd.losses.FastAPLoss(),
    "centroid_triplet": lambda *_: kd.losses.CentroidTripletLoss(),
    "smooth_ap": lambda *_: kd.losses.SmoothAPLoss(),
    "pnp": lambda *_: kd.losses.PNPLoss(),
    "recall_at_k": lambda *_: kd.losses.RecallAtKLoss(),
    "proxy_nca": kd.losses.ProxyNCALoss,
    "proxy_anchor": kd.losses.ProxyAnchorLoss,
    "normalized_softmax": kd.losses.NormalizedSoftmaxLoss,
    "cosface": kd.losses.CosFaceLoss,
    "arcface": kd.losses.ArcFaceLoss,
    "subcenter_arcface": kd.losses.SubCenterArcFaceLoss,
    "soft_triple": kd.losses.SoftTripleLoss,
    "sphereface": kd.losses.SphereFaceLoss,
}


def tensorflow_peers():
    """Returns (loss, package) -> function of (labels, embeddings)."""
    peers = {}
    if importlib.util.find_spec("tensorflow_addons"):
        import tensorflow_addons.losses as addons

        peers["triplet_semi_hard", "addons"] = addons.TripletSemiHardLoss(
            0.2, distance_metric="squared-L2"
        )
        peers["triplet_hard", "addons"] = addons.TripletHardLoss(0.2)
        peers["lifted_structure", "addons"] = addons.LiftedStructLoss()
        n_pair = addons.NpairsLoss()
        peers["n_pair", "addons"] = lambda labels, embeddings: n_pair(
            labels, tf.matmul(embeddings, embeddings, transpose_b=True) / 0.1
        )
    if importlib.util.find_spec("tensorflow_similarity"):
        import tensorflow_similarity.losses as similarity

        peers["multi_similarity", "similarity"] = (
            similarity.MultiSimilarityLoss()
        )
        peers["circle", "similarity"] = similarity.CircleLoss()
        for name, mining in (("hard", "hard"), ("semi_hard", "semi-hard")):
            peers[f"triplet_{name}", "similarity"] = similarity.TripletLoss(
                distance="euclidean",
                negative_mining_strategy=mining,
                margin=0.2,
            )
    return peers


class TorchPeers:
    """pytorch-metric-learning's losses, in a process of its own."""

    def __init__(self, python, threads):
        self.process = subprocess.Popen(
            [python, TORCH_SERVER, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.names = self.ask()

    def ask(self, **question):
        if question:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def load(self, name, labels, embeddings, proxies):
        """Makes a batch current; returns the value of the loss."""
        return self.ask(
            name=name,
            labels=labels.tolist(),
            embeddings=embeddings.tolist(),
            proxies=None if proxies is None else proxies.tolist(),
        )

    def gradient(self):
        """Returns the gradient by the embeddings of the current batch."""
        return np.asarray(self.ask(gradient=True))

    def seconds(self):
        """Takes one step on the current batch; returns how long it took."""
        return self.ask(step=True)


def make_batch(batch_size, dim):
    """Returns labels and unit-length embeddings that half know them."""
    random = np.random.default_rng(0)
    labels = np.arange(batch_size) // IMAGES_PER_CLASS
    centres = 0.7 * random.normal(size=(labels[-1] + 1, dim))
    embeddings = centres[labels] + random.normal(size=(batch_size, dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return labels, embeddings.astype(np.float32)


def proxies_of(loss):
    """Returns the proxies of a loss as an array; `None` where it has none."""
    if isinstance(loss, kd.losses.ProxyLoss):
        return np.asarray(loss.proxies.get_weights()[0])


def tensorflow_step(loss, labels, embeddings, jit_compile):
    """Returns (value of the loss, function that times one step)."""
    labels, embeddings = tf.constant(labels), tf.constant(embeddings)

    @tf.function(jit_compile=jit_compile)
    def value_and_gradient(labels, embeddings):
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = tf.reduce_mean(loss(labels, embeddings))
        return value, tape.gradient(value, embeddings)

    value = float(value_and_gradient(labels, embeddings)[0])
    return value, lambda: _timed(value_and_gradient, labels, embeddings)


def floor_step(embeddings, jit_compile):
    """Returns a function that times the bare product and its gradient."""
    embeddings = tf.constant(embeddings)
    upstream = tf.random.stateless_normal([len(embeddings)] * 2, seed=[0, 0])

    @tf.function(jit_compile=jit_compile)
    def product_and_gradient(embeddings, upstream):
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            product = tf.matmul(embeddings, embeddings, transpose_b=True)
        gradient = tape.gradient(product, embeddings, output_gradients=upstream)
        return product, gradient

    product_and_gradient(embeddings, upstream)
    return lambda: _timed(product_and_gradient, embeddings, upstream)


def _timed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)[1].numpy()
    return time.perf_counter() - start


def medians(steps, seconds):
    """Runs the steps in turns; returns the median milliseconds of each."""
    times = {name: [step()] for name, step in steps.items()}
    # A slow peer is not asked as often as the others wait for it.
    slow = {name for name, (one,) in times.items() if one > 0.2}
    round_seconds = sum(
        2 * one + PAUSE for name, (one,) in times.items() if name not in slow
    )
    order = random.Random(0)
    for turn in range(max(3, int(seconds / round_seconds))):
        # In another order each time: what a column runs after can cost it.
        for name, step in order.sample([*steps.items()], len(steps)):
            if name in slow and turn > 1:
                continue
            # The threads of another column's package may still be spinning
            # and its data fill the caches: nobody pays for that.
            if name not in slow:
                time.sleep(PAUSE)
                step()
            times[name].append(step())
    return {
        name: 1000 * statistics.median(values[1:])
        for name, values in times.items()
    }


def measure(name, batch_size, dim, peers, torch_peers, seconds):
    """Returns (milliseconds by column, names of peers with our value)."""
    labels, embeddings = make_batch(batch_size, dim)
    ours = OURS[name](labels[-1] + 1, dim)
    value, step = tensorflow_step(ours, labels, embeddings, False)
    steps = {
        "ours": step,
        "floor": floor_step(embeddings, False),
        "ours xla": tensorflow_step(ours, labels, embeddings, True)[1],
        "floor xla": floor_step(embeddings, True),
    }
    values = {}
    for (peer_name, package), peer in peers.items():
        if peer_name != name or not _fits(name, package, batch_size):
            continue
        values[package], steps[package] = tensorflow_step(
            peer, labels, embeddings, False
        )
        if package == "addons":
            steps["addons xla"] = tensorflow_step(
                peer, labels, embeddings, True
            )[1]
    if torch_peers and name in torch_peers.names:
        if _fits(name, "torch", batch_size):
            values["torch"] = torch_peers.load(
                name, labels, embeddings, proxies_of(ours)
            )
            steps["torch"] = torch_peers.seconds
    same = {
        package
        for package, one in values.items()
        if np.isclose(one, value, rtol=1e-4, atol=1e-6)
        or (name, package) == ("margin", "torch")
    }
    return medians(steps, seconds), same


def _fits(name, package, batch_size):
    return batch_size <= LIMITS.get((name, package), batch_size)


def row(name, batch_size, dim, times, same):
    """Returns the cells of a row, and whether every bar holds."""
    cells = [name, batch_size, dim]
    holds = True
    for suffix in ("", " xla"):
        ours, floor = times["ours" + suffix], times["floor" + suffix]
        peer = _fastest(times, suffix, same)
        other = _fastest(times, suffix, PACKAGES - same)
        cells += [f"{ours:.2f}", _cell(peer)]
        cells.append(f"{ours / peer[0]:.2f}" if peer else "")
        holds &= peer is None or ours <= peer[0]
        if not suffix:
            cells.append(_cell(other))
            bar = BARS.get(name) if batch_size >= 512 else None
            holds &= bar is None or ours / floor <= bar
        cells += [f"{floor:.2f}", f"{ours / floor:.2f}"]
    return [*cells, "" if holds else "missed"], holds


def _fastest(times, suffix, packages):
    """Returns (milliseconds, package) of the fastest; `None` without one."""
    taken = [
        (times[package + suffix], package)
        for package in packages
        if package + suffix in times
    ]
    return min(taken, default=None)


def _cell(peer):
    return f"{peer[0]:.2f} {peer[1]}" if peer else ""


def compare(record, name, batch_size, dim, times, same):
    """Adds what has a bar, eagerly and under XLA, to the figures."""
    bar = BARS.get(name) if batch_size >= 512 else None
    for suffix in ("", " xla"):
        case = f"{name}, {batch_size}x{dim}{suffix.upper()}"
        peer, package = _fastest(times, suffix, same) or (None, "")
        shared = {
            "ours": times["ours" + suffix],
            "peer": peer,
            "peer_name": package,
            "floor": times["floor" + suffix],
            "unit": "ms",
        }
        if peer:
            claim = "a loss and its gradient, beside the fastest peer"
            record.figure(claim, case, **shared, against="peer", bar=1.0)
        if bar and not suffix:
            claim = (
                f"a loss and its gradient, beside the bare product, aim {bar}"
            )
            record.figure(claim, case, **shared, against="floor", bar=bar)


HEADER = [
    *("loss", "B", "D", "ours", "peer", "ours / peer", "other", "floor"),
    *("ours / floor", "ours XLA", "peer XLA", "ours / peer", "floor XLA"),
    *("ours / floor", "bars"),
]


def main():
    """Measures every loss at every size and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
    )
    parser.add_argument("--losses", nargs="+", choices=OURS, default=list(OURS))
    parser.add_argument(
        "--sizes",
        nargs="+",
        metavar="BxD",
        type=lambda text: tuple(map(int, text.split("x"))),
        default=SIZES,
    )
    parser.add_argument("--torch-python", metavar="PATH")
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="measured per row"
    )
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count(), help="of each package"
    )
    figures.add_argument(parser)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    peers = tensorflow_peers()
    torch_peers = None
    if arguments.torch_python:
        torch_peers = TorchPeers(arguments.torch_python, arguments.threads)

    record = figures.Record(arguments.json)
    record.header(*HEADER)
    missed = 0
    for name in arguments.losses:
        for batch_size, dim in arguments.sizes:
            times, same = measure(
                name, batch_size, dim, peers, torch_peers, arguments.seconds
            )
            cells, holds = row(name, batch_size, dim, times, same)
            missed += not holds
            record.row(*cells)
            compare(record, name, batch_size, dim, times, same)
    record.note(f"Bars missed in {missed} rows.")
    record.save()


if __name__ == "__main__":
    main()
