r"""Queries a second at equal recall: our indexes, ScaNN bare, faiss and nmslib.

    python benchmarks/search.py --build
    python benchmarks/search.py --size 60502 --threads 1

`--build` makes every index once and keeps it, with its build time and size,
in `--folder`. The second command prints one table, a row a contestant: queries
per second, median of turns, one at a time and in batches of 256, at the
recall@10 of the first column. All contestants take turns, so that a busy
machine slows them alike.

- ours: `ScannIndex`, `ExactIndex` through `search`, from arrays to ids.
- ScaNN bare: its own Python searcher, built alike and set alike, to rows.
- faiss, nmslib: HNSW graphs with 16 links and 200 candidates while they are
  built. `efSearch`, as our leaves and candidates, is the least that meets the
  recall on 1,000 queries; the recall in the table is that on 500 others.
- flat: `faiss.IndexFlatIP`.

The vectors have unit length and stand around centres, which stand around
wider ones: five a class and on average sixty classes a theme, somewhat as the
60,502 images of a product catalogue do. The queries are drawn around the same
centres and are not in the gallery. `--threads` also binds the process to that
many cores.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import figures
import numpy as np
import threadpoolctl

DIM, K, BATCH = 128, 10, 256
SIZES = (60_502, 500_000)
RECALLS = (0.90, 0.95, 0.99)
# What a query of ours may cost as a multiple of theirs.
BARS = {"ScaNN bare": 1.2, "faiss HNSW": 0.5, "nmslib HNSW": 0.5}
NUM_TUNING, NUM_QUERIES = 1000, 500
LINKS, CANDIDATES = 16, 200
SECONDS_A_TURN, NUM_TURNS = 0.4, 3


def make_vectors(size):
    """Returns gallery, tuning queries and queries, float32 of unit length."""
    random = np.random.default_rng(0)
    num_classes = size // 5
    themes = random.standard_normal((max(1, num_classes // 60), DIM))
    # Squared, so that some themes hold many classes and some a few.
    theme_of = random.random(num_classes) ** 2 * len(themes)
    classes = 0.5 * themes[theme_of.astype(int)]
    classes += 0.6 * random.standard_normal((num_classes, DIM))
    num_vectors = size + NUM_TUNING + NUM_QUERIES
    vectors = np.empty((num_vectors, DIM), np.float32)
    for start in range(0, num_vectors, 10_000):
        part = vectors[start : start + 10_000]
        part[:] = random.standard_normal(part.shape, np.float32)
        part *= 0.6
        part += classes[random.integers(0, num_classes, len(part))]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return np.split(vectors, [size, size + NUM_TUNING])


def build_all(folder, sizes, names, record):
    """Builds every index, each in a process of its own."""
    record.header("vectors", "index", "built in, s", "bytes a vector")
    for size in sizes:
        for name in names:
            command = [sys.executable, __file__, "--folder", str(folder)]
            command += ["--size", str(size), "--build-one", name]
            subprocess.run(command, check=True)
            facts = json.loads(
                (folder / str(size) / f"{name}.json").read_text()
            )
            record.row(
                *(f"{size:,}", name, f"{facts['seconds']:.1f}"),
                f"{facts['bytes']:.0f}",
            )


def build_one(folder, size, name):
    """Builds and saves one index, and notes its build time and size."""
    gallery, *_ = make_vectors(size)
    folder = folder / str(size)
    folder.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    index = BUILDERS[name](gallery)
    seconds = time.perf_counter() - begin
    num_bytes = SAVERS[name](index, folder)
    facts = {"seconds": seconds, "bytes": num_bytes / size}
    (folder / f"{name}.json").write_text(json.dumps(facts))


def build_scann_index(gallery):
    """Builds ours, tuned to its default recall."""
    import keras_dvml as kd

    return kd.index.ScannIndex.build(gallery)


def build_faiss(gallery):
    """Builds faiss' graph."""
    import faiss

    index = faiss.IndexHNSWFlat(DIM, LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = CANDIDATES
    index.add(gallery)
    return index


def build_nmslib(gallery):
    """Builds nmslib's graph."""
    import nmslib

    index = nmslib.init(method="hnsw", space="negdotprod")
    index.addDataPointBatch(gallery)
    index.createIndex(
        {"M": LINKS, "efConstruction": CANDIDATES, "post": 0}, False
    )
    return index


def save_scann_index(index, folder):
    """Saves the index; returns how many bytes it is made of."""
    index.save(folder / "scann.npz")
    arrays = index.arrays()
    return sum(value.nbytes for value in arrays.values())


def save_faiss(index, folder):
    """Saves the index; returns how many bytes it is made of."""
    import faiss

    faiss.write_index(index, str(folder / "faiss.bin"))
    return os.path.getsize(folder / "faiss.bin")


def save_nmslib(index, folder):
    """Saves the index; returns how many bytes it is made of."""
    index.saveIndex(str(folder / "nmslib.bin"), save_data=True)
    return sum(path.stat().st_size for path in folder.glob("nmslib.bin*"))


BUILDERS = {
    "scann": build_scann_index,
    "faiss": build_faiss,
    "nmslib": build_nmslib,
}
SAVERS = {"scann": save_scann_index, "faiss": save_faiss, "nmslib": save_nmslib}


class Contestant:
    """A way to search, set to a recall.

    Args:
        name: str.
        search: function of queries to `(Q, K)` row numbers.
        target: float. The recall asked for.
        prepare: function called before a turn.
    """

    def __init__(self, name, search, target=1.0, prepare=lambda: None):
        self.name = name
        self.search = search
        self.target = target
        self.prepare = prepare
        self.rates = {1: [], BATCH: []}

    def take_turn(self, queries, batch):
        self.prepare()
        parts = [queries[i : i + batch] for i in range(0, len(queries), batch)]
        parts = [part for part in parts if len(part) == batch]
        self.search(parts[0])
        begin, number = time.perf_counter(), 0
        while (taken := time.perf_counter() - begin) < SECONDS_A_TURN:
            self.search(parts[number % len(parts)])
            number += 1
        self.rates[batch].append(number * batch / taken)

    def rate(self, batch):
        return statistics.median(self.rates[batch])


def recall(rows, right):
    """Returns the share of the right rows found; ties are not granted."""
    # Our indexes return ids, which are row numbers here.
    rows = rows.astype(np.int64).tolist()
    shared = [
        len(set(one) & set(other))
        for one, other in zip(rows, right.tolist(), strict=True)
    ]
    return sum(shared) / right.size


def least_that_meets(values, search_with, queries, right, target):
    """Returns the least of rising values whose recall meets the target."""
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if recall(search_with(values[middle])(queries), right) >= target:
            high = middle
        else:
            low = middle + 1
    return values[low]


def scann_contestants(folder, tuning, threads):
    """Yields our index and ScaNN bare, of one build, for each recall."""
    import keras_dvml as kd

    index = kd.index.ScannIndex.load(folder / "scann.npz")
    bare = index._searcher
    bare.set_num_threads(threads)
    for target in RECALLS:
        index.tune(target, queries=tuning)
        leaves, reordered = index._leaves_to_search, index._num_reordered

        def set_up(leaves=leaves, reordered=reordered):
            index._leaves_to_search, index._num_reordered = leaves, reordered

        def search_bare(queries, leaves=leaves, reordered=reordered):
            if len(queries) == 1:
                rows, _ = bare.search(queries[0], K, reordered, leaves)
                return rows[None]
            search = bare.search_batched_parallel
            return search(queries, K, reordered, leaves)[0]

        yield Contestant(
            "ScannIndex",
            lambda queries: index.search(queries, K)[0],
            *(target, set_up),
        )
        yield Contestant("ScaNN bare", search_bare, target)


def graph_contestants(name, search_with, tuning, right):
    """Yields a graph, searched as far as each recall needs."""
    for target in RECALLS:
        values = sorted({int(10 * 1.15**step) for step in range(36)})
        value = least_that_meets(values, search_with, tuning, right, target)
        yield Contestant(name, search_with(value), target)


def faiss_contestants(folder, tuning, right, threads):
    """Returns faiss' graph for each recall."""
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.read_index(str(folder / "faiss.bin"))
    parameters = faiss.SearchParametersHNSW

    def search_with(candidates):
        chosen = parameters(efSearch=candidates)
        return lambda queries: index.search(queries, K, params=chosen)[1]

    return graph_contestants("faiss HNSW", search_with, tuning, right)


def nmslib_contestants(folder, tuning, right, threads):
    """Returns nmslib's graph for each recall."""
    import nmslib

    index = nmslib.init(method="hnsw", space="negdotprod")
    index.loadIndex(str(folder / "nmslib.bin"), load_data=True)

    def search_with(candidates):
        def search(queries):
            index.setQueryTimeParams({"efSearch": candidates})
            if len(queries) == 1:
                return index.knnQuery(queries[0], K)[0][None]
            found = index.knnQueryBatch(queries, K, num_threads=threads)
            return np.stack([rows for rows, _ in found])

        return search

    return graph_contestants("nmslib HNSW", search_with, tuning, right)


def exact_contestants(gallery):
    """Yields exact searches."""
    import faiss

    import keras_dvml as kd

    for storage in ("float32", "float16", "int8"):
        index = kd.index.ExactIndex.build(gallery, storage=storage)
        yield Contestant(
            f"ExactIndex, {storage}",
            lambda queries, index=index: index.search(queries, K)[0],
        )
    flat = faiss.IndexFlatIP(DIM)
    flat.add(gallery)
    yield Contestant("faiss flat", lambda queries: flat.search(queries, K)[1])


def measure(folder, size, threads, record):
    """Lets all contestants take turns and adds their table."""
    import faiss
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    faiss.omp_set_num_threads(threads)
    gallery, tuning, queries = make_vectors(size)
    flat = faiss.IndexFlatIP(DIM)
    flat.add(gallery)
    right_of_tuning = flat.search(tuning, K)[1]
    right = flat.search(queries, K)[1]
    folder = folder / str(size)
    contestants = [
        *scann_contestants(folder, tuning, threads),
        *faiss_contestants(folder, tuning, right_of_tuning, threads),
        *nmslib_contestants(folder, tuning, right_of_tuning, threads),
        *exact_contestants(gallery),
    ]
    for batch in (1, BATCH):
        for _ in range(NUM_TURNS):
            for contestant in contestants:
                contestant.take_turn(queries, batch)
    record.note(f"{size:,} x {DIM}, k = {K}, threads: {threads}")
    add_table(record, folder, contestants, queries, right)
    add_figures(record, contestants, f"{size:,} x {DIM}, threads {threads}")


FILES = {"ScannIndex": "scann", "faiss HNSW": "faiss", "nmslib HNSW": "nmslib"}


def add_table(record, folder, contestants, queries, right):
    """Adds a row a contestant, those of a recall together."""
    record.header(
        *("asked", "contestant", "recall@10", "one at a time, /s"),
        *("batches of 256, /s", "ours / this, one", "ours / this, batch"),
        *("built in, s", "bytes a vector"),
    )
    for one in sorted(contestants, key=lambda one: one.target):
        ours = next(
            other for other in contestants if other.target == one.target
        )
        one.prepare()
        found = recall(one.search(queries), right)
        built = "", ""
        if one.name in FILES:
            path = folder / f"{FILES[one.name]}.json"
            facts = json.loads(path.read_text())
            built = f"{facts['seconds']:.0f}", f"{facts['bytes']:.0f}"
        record.row(
            *(f"{one.target:.2f}", one.name, f"{found:.3f}"),
            *(f"{one.rate(1):,.0f}", f"{one.rate(BATCH):,.0f}"),
            f"{ours.rate(1) / one.rate(1):.2f}",
            f"{ours.rate(BATCH) / one.rate(BATCH):.2f}",
            *built,
        )


def add_figures(record, contestants, where):
    """Adds what a query costs beside each contestant that has a bar."""
    named = {(one.name, one.target): one for one in contestants}
    pairs = [
        ("ScannIndex", peer, target, bar)
        for peer, bar in BARS.items()
        for target in RECALLS
    ]
    pairs.append(("ExactIndex, float32", "faiss flat", 1.0, 1.0))
    for ours, peer, target, bar in pairs:
        for batch in (1, BATCH):
            record.figure(
                f"a query of {ours} beside {peer}",
                f"{where}, recall {target:.2f}, batches of {batch}",
                1e6 / named[ours, target].rate(batch),
                peer=1e6 / named[peer, target].rate(batch),
                peer_name=peer,
                unit="us",
                against="peer",
                bar=bar,
            )


def main():
    """Reads the command and does what it says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--size", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--build-one", choices=BUILDERS)
    figures.add_argument(parser)
    arguments = parser.parse_args()
    default = pathlib.Path(tempfile.gettempdir()) / "keras_dvml_search"
    folder = arguments.folder or default
    sizes = [arguments.size] if arguments.size else SIZES
    if arguments.build_one:
        build_one(folder, arguments.size, arguments.build_one)
        return
    record = figures.Record(arguments.json)
    if arguments.build:
        build_all(folder, sizes, BUILDERS, record)
    else:
        cores = sorted(os.sched_getaffinity(0))[: arguments.threads]
        os.sched_setaffinity(0, cores)
        # NumPy's threads are there since its import, on all cores.
        with threadpoolctl.threadpool_limits(arguments.threads):
            for size in sizes:
                measure(folder, size, arguments.threads, record)
    record.save()


if __name__ == "__main__":
    main()
