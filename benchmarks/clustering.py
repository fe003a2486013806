r"""Time, inertia and memory of k-means: ours, faiss, scikit-learn, the floor.

    python benchmarks/clustering.py
    python benchmarks/clustering.py --sizes 10000x128x100 --memory 10000x128x500

Cost: three minutes on 2 CPU cores; the second, smaller command 20 seconds.

The first table has one row a size (embeddings x width x clusters), metric and
engine: seconds (median; all rows of a size and metric are measured in turns),
that time as a multiple of faiss.Kmeans' and of the floor's, and the inertia
over that of scikit-learn's Lloyd. All start from the same centroids, move them
equally often on the same number of threads, and end with an assignment to the
centroids moved last.

- floor: the products of embeddings and centroids alone, in TensorFlow, in
  blocks of 4096 rows, once a move and once for the assignment.
- faiss.Kmeans: trained on all embeddings (by default it takes 256 a
  cluster), then `index.search` of all, which is its assignment.
- scikit-learn: `KMeans(algorithm="lloyd", tol=0)`; its iterations and ours
  end early when nothing moves, which 5 moves do not reach at these sizes.

The second table has the time of at most 20 moves (fewer where nothing moves
any more), the most memory they took beside the embeddings and the imported
packages, and the time of `Clustering.align` to random ids. Each row comes from
a process of its own.

Embeddings have unit length and stand around 2 centres a cluster.
"""

import argparse
import functools
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import faiss
import figures
import numpy as np
import tensorflow as tf
from sklearn import cluster, exceptions

import keras_dvml as kd

ENGINES = ("tensorflow", "faiss")
# The size that bars are for.
AIMED_AT = "59551x512x1000"


def make_embeddings(num_embeddings, dim, num_clusters):
    """Returns unit-length float32 embeddings, made block by block."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(2 * num_clusters, dim)).astype(np.float32)
    centres *= np.float32(0.3)
    embeddings = np.empty((num_embeddings, dim), np.float32)
    for start in range(0, num_embeddings, 4096):
        block = embeddings[start : start + 4096]
        random.standard_normal(out=block, dtype=np.float32)
        block += centres[random.integers(0, len(centres), len(block))]
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return embeddings


def contestants(embeddings, centroids, metric, num_moves):
    """Returns name -> function that clusters and returns the centroids."""
    num_clusters, dim = centroids.shape

    def ours(engine):
        return kd.clustering.k_means(
            embeddings,
            num_clusters,
            initial_centroids=centroids,
            num_iterations=num_moves,
            metric=metric,
            engine=engine,
        ).centroids

    def by_faiss():
        k_means = faiss.Kmeans(
            dim,
            num_clusters,
            niter=num_moves,
            spherical=metric == "cosine",
            max_points_per_centroid=len(embeddings),
            min_points_per_centroid=1,
        )
        k_means.train(embeddings, init_centroids=centroids)
        k_means.index.search(embeddings, 1)
        return k_means.centroids

    def by_sklearn():
        k_means = cluster.KMeans(
            num_clusters,
            init=centroids,
            n_init=1,
            max_iter=num_moves,
            tol=0,
            algorithm="lloyd",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
            return k_means.fit(embeddings).cluster_centers_

    def floor():
        columns = tf.constant(centroids)
        for _ in range(num_moves + 1):
            for start in range(0, len(embeddings), 4096):
                rows = embeddings[start : start + 4096]
                tf.matmul(rows, columns, transpose_b=True)[0, 0].numpy()

    named = {
        "ours, TensorFlow": lambda: ours("tensorflow"),
        "ours, faiss": lambda: ours("faiss"),
        "faiss.Kmeans": by_faiss,
    }
    if metric == "euclidean":
        named["scikit-learn"] = by_sklearn
    return {**named, "floor": floor}


def measure_times(size, metric, num_moves, num_rounds):
    """Returns seconds and inertias by name of a size and metric."""
    num_embeddings, dim, num_clusters = size
    embeddings = make_embeddings(*size)
    chosen = np.random.default_rng(1).permutation(num_embeddings)
    centroids = embeddings[chosen[:num_clusters]]
    named = contestants(embeddings, centroids, metric, num_moves)
    times = {name: [] for name in named}
    inertias = {}
    for _ in range(num_rounds):
        for name, contestant in named.items():
            start = time.perf_counter()
            found = contestant()
            times[name].append(time.perf_counter() - start)
            if name != "floor" and name not in inertias:
                inertias[name] = inertia(embeddings, found, metric)
    seconds = {name: statistics.median(one) for name, one in times.items()}
    return seconds, inertias


def add_times(record, size, metric, seconds, inertias):
    """Adds the rows of a size and metric, and what has a bar."""
    size = "x".join(map(str, size))
    sklearn = inertias.get("scikit-learn")
    for name, taken in seconds.items():
        of_sklearn = ""
        if name in inertias and sklearn:
            of_sklearn = f"{inertias[name] / sklearn:.5f}"
        record.row(
            *(size, metric, name, f"{taken:.2f}"),
            f"{taken / seconds['faiss.Kmeans']:.2f}",
            f"{taken / seconds['floor']:.2f}",
            of_sklearn,
        )
        if not name.startswith("ours"):
            continue
        case = f"{name}, {size}, {metric}"
        has_aim = size == AIMED_AT
        sizes = size if has_aim else "smaller sets"
        add_time = functools.partial(
            record.figure,
            case=case,
            ours=taken,
            unit="s",
            peer=seconds["faiss.Kmeans"],
            peer_name="faiss.Kmeans",
            floor=seconds["floor"],
        )
        add_time(
            f"k-means of {sizes} beside faiss.Kmeans",
            against="peer",
            bar=1.1 if has_aim else None,
        )
        if name == "ours, TensorFlow":
            add_time(
                f"k-means of {sizes} beside the bare products",
                against="floor",
                bar=2.0 if has_aim else None,
            )
        if sklearn:
            record.figure(
                "inertia of k-means",
                case,
                inertias[name],
                peer=sklearn,
                peer_name="scikit-learn",
                unit="",
                against="peer",
                bar=1.01,
            )


def inertia(embeddings, centroids, metric):
    """Returns the inertia of the assignment to the nearest centroids."""
    distances = kd.clustering.nearest_centroids(
        embeddings, centroids.astype(np.float32), metric=metric
    )[1]
    return float(np.square(distances, dtype=np.float64).sum())


def measure_memory(size, engine):
    """Prints (seconds, MiB, seconds of align) as JSON."""
    embeddings = make_embeddings(*size)
    num_clusters = size[2]
    # What an engine keeps for all its life is no cost of this clustering.
    kd.clustering.k_means(embeddings[:100], 2, engine=engine)
    with open("/proc/self/statm") as file:
        before = int(file.read().split()[1]) * resource.getpagesize() / 1024
    start = time.perf_counter()
    clustering = kd.clustering.k_means(embeddings, num_clusters, engine=engine)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    clustering.align(
        np.random.default_rng(0).permutation(len(embeddings)) % num_clusters
    )
    aligning = time.perf_counter() - start
    print(json.dumps([seconds, (peak - before) / 1024, aligning]))


def main():
    """Prints the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])

    def size(text):
        return tuple(map(int, text.split("x")))

    parser.add_argument(
        "--sizes",
        nargs="*",
        metavar="NxDxK",
        type=size,
        default=[(59551, 512, 1000), (10000, 128, 100)],
    )
    parser.add_argument(
        "--memory",
        nargs="*",
        metavar="NxDxK",
        type=size,
        default=[(59551, 512, 10000)],
    )
    parser.add_argument("--moves", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    figures.add_argument(parser)
    parser.add_argument("--in-process", choices=ENGINES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.in_process:
        measure_memory(arguments.memory[0], arguments.in_process)
        return
    record = figures.Record(arguments.json)
    record.header(
        *("N x D x K", "metric", "engine", "seconds", "/ faiss.Kmeans"),
        *("/ floor", "inertia / scikit-learn"),
    )
    for one in arguments.sizes:
        for metric in ("euclidean", "cosine"):
            found = measure_times(
                one, metric, arguments.moves, arguments.rounds
            )
            add_times(record, one, metric, *found)
    record.header(
        "N x D x K", "engine", "seconds", "peak MiB", "seconds, align"
    )
    for one in arguments.memory:
        text = "x".join(map(str, one))
        for engine in ENGINES:
            command = [sys.executable, __file__, "--memory", text]
            finished = subprocess.run(
                [*command, "--in-process", engine],
                stdout=subprocess.PIPE,
                check=True,
            )
            seconds, mebibytes, aligning = json.loads(finished.stdout)
            record.row(
                *(text, engine, f"{seconds:.1f}"),
                *(f"{mebibytes:.0f}", f"{aligning:.2f}"),
            )
            record.figure(
                "memory of k-means beside its input",
                f"{engine}, {text}",
                mebibytes,
                unit="MiB",
                against="limit",
                bar=2048,
            )
    record.save()


if __name__ == "__main__":
    main()
