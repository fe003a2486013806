r"""Time and memory of exact retrieval scores: ours, peers and the floor.

    python benchmarks/evaluation.py --torch-python /path/to/python
    python benchmarks/evaluation.py --sizes 5924x512x100 --rounds 9

Cost: four minutes on 2 CPU cores; the second, smaller command half a minute.

Prints one row a size (embeddings x width x classes) and contestant as a
Markdown table: seconds (median; all rows of a size are measured in turns, of
which those that take over 20 seconds have one), that time as a multiple of the
floor's, the most memory it took beside the embeddings and the imported
packages, and its Recall@1 and MAP@R in %, which say whether all computed the
same.

- floor: the product of all embeddings with all, float32, in TensorFlow, in
  tiles of 2048 x 2048, and nothing made of it.
- ours: Recall@1, 10 and 100, MAP@R, R-precision and mean reciprocal rank.
- faiss: `IndexFlatIP` with all embeddings, searched for the 101 nearest of
  each, for Recall@1, 10 and 100 alone.
- pytorch-metric-learning: precision at 1 (which is Recall@1), R-precision and
  MAP@R, with `k="max_bin_count"` and `CustomKNN` of 1,024 queries at once;
  left out without `--torch-python`, the interpreter of an environment that
  has it, and where it would sort hundreds of neighbours a query.

Each contestant has a process of its own, which reads the embeddings, warms up
on 2,000 of them and then waits for its turns; all may use every core. Each
embedding is a query among all others. Embeddings have unit length and stand
around a centre a class; `--noise` is the length of what is added to it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import figures
import numpy as np

SIZES = ["5924x512x100", "10000x512x10", "20000x512x2000", "60502x512x11316"]
KS = (1, 10, 100)
# Seconds after which a contestant takes no other turn.
SLOW = 20
# More positives a query than that make pytorch-metric-learning's sort long.
MOST_NEIGHBORS = 200


def make_embeddings(size, noise):
    """Returns unit-length float32 embeddings and labels."""
    num_embeddings, dim, num_classes = map(int, size.split("x"))
    random = np.random.default_rng(0)
    # Two of each class, the others as they fall.
    labels = np.arange(num_embeddings) % num_classes
    num_free = max(0, num_embeddings - 2 * num_classes)
    labels[:num_free] = random.integers(0, num_classes, num_free)
    random.shuffle(labels)
    centres = random.standard_normal((num_classes, dim), np.float32)
    embeddings = random.standard_normal((num_embeddings, dim), np.float32)
    embeddings *= np.float32(noise)
    embeddings += centres[labels]
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings, labels


# Each imports what it needs and returns a function from embeddings and labels
# to (Recall@1, MAP@R), of which it gives what it computes.


def ours():
    """keras_dvml's evaluation."""
    # The name, for `keras_dvml` imports TensorFlow when a room is entered, and
    # memory is counted beside imports.
    from keras_dvml.evaluation import evaluate_retrieval

    def evaluate(embeddings, labels):
        scores = evaluate_retrieval(
            embeddings, labels, KS, clustering=False, progress=False
        )
        return scores["recall@1"], scores["map@r"]

    return evaluate


def floor():
    """The product alone."""
    import tensorflow as tf

    def multiply(embeddings, labels):
        parts = [
            tf.constant(embeddings[start : start + 2048])
            for start in range(0, len(embeddings), 2048)
        ]
        for rows in parts:
            for columns in parts:
                tf.matmul(rows, columns, transpose_b=True)[0, 0].numpy()
        return None, None

    return multiply


def by_faiss():
    """Exact search for the nearest neighbours."""
    import faiss

    def search(embeddings, labels):
        index = faiss.IndexFlatIP(embeddings.shape[1])
        index.add(embeddings)
        found = index.search(embeddings, max(KS) + 1)[1]
        others = found != np.arange(len(found))[:, None]
        # Where copies of the query push it out, the last is one too many.
        others[others.all(axis=1), -1] = False
        neighbors = found[others].reshape(len(found), -1)
        hits = labels[neighbors] == labels[:, None]
        recalls = [hits[:, :k].any(axis=1).mean() for k in KS]
        return float(recalls[0]), None

    return search


def by_torch():
    """pytorch-metric-learning's `AccuracyCalculator`."""
    import torch
    from pytorch_metric_learning import distances
    from pytorch_metric_learning.utils import accuracy_calculator, inference

    calculator = accuracy_calculator.AccuracyCalculator(
        include=(
            *("precision_at_1", "r_precision"),
            "mean_average_precision_at_r",
        ),
        k="max_bin_count",
        device=torch.device("cpu"),
        knn_func=inference.CustomKNN(
            distances.CosineSimilarity(), batch_size=1024
        ),
    )

    def calculate(embeddings, labels):
        scores = calculator.get_accuracy(embeddings, labels)
        return scores["precision_at_1"], scores["mean_average_precision_at_r"]

    return calculate


CONTESTANTS = {
    "ours": ours,
    "faiss": by_faiss,
    "pytorch-metric-learning": by_torch,
    "floor": floor,
}


def serve(name, folder):
    """Takes a turn for each line on stdin; answers in JSON on stdout."""
    contestant = CONTESTANTS[name]()
    embeddings = np.load(os.path.join(folder, "embeddings.npy"))
    labels = np.load(os.path.join(folder, "labels.npy"))
    before = _status("VmRSS")
    contestant(embeddings[:2000], labels[:2000])
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        scores = contestant(embeddings, labels)
        seconds = time.perf_counter() - start
        peak = _status("VmHWM") - before
        print(json.dumps([seconds, peak, *scores]), flush=True)


def _status(key):
    """Returns MiB of this process: what it holds, or held at most."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(key))
    return int(line.split()[1]) / 1024


def measure(size, names, arguments):
    """Returns the turns, `[seconds, MiB, Recall@1, MAP@R]`, by name."""
    with tempfile.TemporaryDirectory() as folder:
        embeddings, labels = make_embeddings(size, arguments.noise)
        np.save(os.path.join(folder, "embeddings.npy"), embeddings)
        np.save(os.path.join(folder, "labels.npy"), labels)
        del embeddings
        processes = {}
        try:
            for name in names:
                python = sys.executable
                if name == "pytorch-metric-learning":
                    python = arguments.torch_python
                processes[name] = subprocess.Popen(
                    [python, __file__, "--serve", name, "--folder", folder],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            # Nobody's warming up falls into another's turn.
            for process in processes.values():
                process.stdout.readline()
            turns = {name: [] for name in names}
            for _ in range(arguments.rounds):
                for name, process in processes.items():
                    if any(turn[0] > SLOW for turn in turns[name]):
                        continue
                    process.stdin.write("turn\n")
                    process.stdin.flush()
                    turns[name].append(json.loads(process.stdout.readline()))
        finally:
            for process in processes.values():
                process.stdin.close()
                process.wait()
    return turns


def add_rows(record, size, turns):
    """Adds the rows of a size, and what has a bar."""
    seconds = {
        name: statistics.median(turn[0] for turn in some)
        for name, some in turns.items()
    }
    for name, some in turns.items():
        _, mebibytes, recall, precision = some[-1]
        record.row(
            *(size, name, f"{seconds[name]:.2f}"),
            f"{seconds[name] / seconds['floor']:.2f}",
            f"{mebibytes:.0f}",
            "" if recall is None else f"{100 * recall:.2f}",
            "" if precision is None else f"{100 * precision:.2f}",
        )
    peers = {name: seconds[name] for name in turns.keys() - {"ours", "floor"}}
    peer_name = min(peers, key=peers.get, default="")
    largest = size == SIZES[-1]
    record.figure(
        "all exact scores in one pass, beside the bare product"
        + ("" if largest else ", smaller sets"),
        *(size, seconds["ours"]),
        peer=peers.get(peer_name),
        peer_name=peer_name,
        floor=seconds["floor"],
        unit="s",
        against="floor",
        bar=1.1 if largest else None,
    )
    if largest:
        record.figure(
            "memory of these scores beside the embeddings",
            *(size, turns["ours"][-1][1]),
            unit="MiB",
            against="limit",
            bar=1024,
        )


def contestants_of(size, arguments):
    """Returns the names of those that are measured at a size."""
    num_embeddings, _, num_classes = map(int, size.split("x"))
    names = list(CONTESTANTS)
    many = num_embeddings > MOST_NEIGHBORS * num_classes
    if not arguments.torch_python or many:
        names.remove("pytorch-metric-learning")
    return [name for name in names if name not in arguments.without]


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", metavar="NxDxC", default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--noise", type=float, default=2.5)
    parser.add_argument("--torch-python", metavar="PATH")
    parser.add_argument(
        "--without", nargs="+", choices=list(CONTESTANTS)[:-1], default=[]
    )
    parser.add_argument("--serve", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    figures.add_argument(parser)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.folder)
        return
    record = figures.Record(arguments.json)
    record.header(
        *("N x D x C", "contestant", "seconds", "/ floor", "peak MiB"),
        *("Recall@1", "MAP@R"),
    )
    for size in arguments.sizes:
        names = contestants_of(size, arguments)
        add_rows(record, size, measure(size, names, arguments))
    record.save()


if __name__ == "__main__":
    main()
