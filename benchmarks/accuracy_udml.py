r"""Retrieval of unseen classes by models that learned without labels.

    python benchmarks/accuracy_udml.py

Cost: 35 runs that train, each some 90 s on a core of its own; `--seeds 0` a
fifth of it. Each run that is finished is a file in `runs/accuracy_udml`:
started again, the command goes on with those that are missing. Prints Recall@1
and MAP@R (%) on the classes of the glyphs' `test` split, mean and 95% interval
(Student's t) over the seeds, then differences between rows, paired by seed,
and draws both as a picture.

Two settings, both trained without labels on the `train` split:

- adapted: from a backbone that was pretrained with labels on other characters,
  drawn cleanly (the `pretrain` split); the same one for each row of a seed.
  Batch norm is frozen, as in the paper.
- from scratch: from random weights; the same ones for each row of a seed.

Within a setting all rows have the same number of steps and the same clusters
to begin with. The variational model stays in DVML's phase 1. A seed decides on
weights, batches, clusters and augmentation; the images are the same for all.

`--validation` trains on the first three quarters of the `train` classes and
scores on the last: `Settings` were chosen on that split.
"""

import argparse
import dataclasses
import functools
import json
import multiprocessing
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd
from keras_dvml.data.datasets import load_glyphs

IMAGE_SIZE = 48
SCORES = {"recall@1": "Recall@1", "map@r": "MAP@R"}
TRAINED = ("UDML without rotation", "UDML-SS", "variational UDML-SS")
ROWS = {
    "adapted": ("pretrained, as it was", *TRAINED),
    "from scratch": ("raw pixels", "untrained", *TRAINED),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on beside its setting, row and seed.

    Args:
        pretraining_steps: steps with labels on the `pretrain` split.
        steps: steps without labels on the `train` split.
        steps_per_round: steps that a round of clusters lasts.
        images_per_cluster: images of the train split over clusters.
        images_per_cluster_from_scratch: the same from random weights.
        rotation_weight: weight of the rotation loss, where there is one.
        learning_rate: of Adam, in all training.
        min_area: smallest share of an image that the augmentation keeps.
        widths: channels of the blocks of the backbone.
        num_classes: classes of each split, `None` for all.
        images_per_class: images of each class, `None` for all.
        validation: whether to score on classes cut from the train split.
    """

    pretraining_steps: int = 500
    steps: int = 600
    steps_per_round: int = 100
    images_per_cluster: int = 3
    images_per_cluster_from_scratch: int = 10
    rotation_weight: float = 0.3
    learning_rate: float = 1e-3
    min_area: float = 0.7
    widths: tuple[int, ...] = (16, 32, 64, 128)
    num_classes: int | None = None
    images_per_class: int | None = None
    validation: bool = False


@functools.cache
def load_split(split, settings):
    """Returns (images, labels) of `pretrain`, or to train or to score on."""
    size = settings.num_classes, settings.images_per_class
    if split == "pretrain" or not settings.validation:
        return load_glyphs(split, "default", *size)
    images, labels = load_glyphs("train", "default", *size)
    cut = labels[0] + 3 * (labels[-1] + 1 - labels[0]) // 4
    chosen = labels < cut if split == "train" else labels >= cut
    return images[chosen], labels[chosen]


def augmentation(settings):
    """Returns a function of (image, seed) after which colour says nothing."""

    def augment(image, seed):
        seeds = tf.random.experimental.stateless_split(seed, 2)
        image = kd.data.random_color(image, seeds[0], inverted=True)
        return kd.data.random_resized_crop(
            image, seeds[1], settings.min_area, mirrored=False
        )

    return augment


def compiled(model, settings):
    """Returns the model, ready to be trained."""
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    model.compile(optimizer, loss=kd.losses.MultiSimilarityLoss())
    return model


def pretrain(backbone, settings, seed):
    """Trains a backbone with labels on characters of another world."""
    images, labels = load_split("pretrain", settings)
    model = compiled(kd.models.EmbeddingModel(backbone), settings)
    batches = kd.data.balanced_batches(
        images,
        labels,
        steps_per_epoch=settings.pretraining_steps,
        augment=augmentation(settings),
        seed=seed,
        replacement=True,
    )
    model.fit(batches, verbose=0)


def train(backbone, setting, row, settings, seed):
    """Returns the model that a row trains without labels."""
    images, _ = load_split("train", settings)
    rotates = row != "UDML without rotation"
    model = kd.models.UDML(
        backbone,
        rotation_weight=settings.rotation_weight if rotates else 0.0,
        variational=row == "variational UDML-SS",
    )
    images_per_cluster = (
        settings.images_per_cluster
        if setting == "adapted"
        else settings.images_per_cluster_from_scratch
    )
    pseudo = kd.training.PseudoLabels(
        images,
        num_clusters=len(images) // images_per_cluster,
        every=1,
        seed=seed,
    )
    compiled(model, settings).fit(
        pseudo.batches(
            steps_per_epoch=settings.steps_per_round,
            augment=augmentation(settings),
        ),
        epochs=settings.steps // settings.steps_per_round,
        callbacks=[pseudo],
        verbose=0,
    )
    return model


def embeddings_of(setting, row, settings, seed, pretrained_path):
    """Returns the embeddings of the images to score on, and their labels."""
    images, labels = load_split("test", settings)
    if row == "raw pixels":
        return images.reshape(len(images), -1).astype(np.float32), labels
    keras.utils.set_random_seed(seed)
    backbone = kd.models.conv_backbone(IMAGE_SIZE, settings.widths)
    if row == "pretrained, as it was":
        pretrain(backbone, settings, seed)
        backbone.save_weights(pretrained_path)
    elif setting == "adapted":
        backbone.load_weights(pretrained_path)
        kd.models.freeze_batch_norm(backbone)
    if row in TRAINED:
        keras.utils.set_random_seed(seed)
        model = train(backbone, setting, row, settings, seed)
        return model.predict(images, verbose=0), labels
    # Any model scales the images; the pooled feature is its backbone's.
    model = kd.models.EmbeddingModel(backbone)
    batches = kd.data.image_batches(images)
    return np.concatenate([model.features(batch) for batch in batches]), labels


def run(setting, row, settings, seed, results_dir):
    """Does one run and writes its file; returns its path."""
    keras.backend.clear_session()
    stem = os.path.join(results_dir, setting.replace(" ", "_"))
    path = run_path(setting, row, seed, results_dir)
    embeddings, labels = embeddings_of(
        setting, row, settings, seed, f"{stem}-{seed}.weights.h5"
    )
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scores = kd.evaluation.evaluate_retrieval(
        embeddings / norms, labels, ks=(1,)
    )
    with tempfile.NamedTemporaryFile(
        "w", dir=results_dir, suffix=".part", delete=False
    ) as file:
        json.dump({"settings": as_json(settings), "scores": scores}, file)
    # A run that was stopped leaves no file that looks finished.
    os.replace(file.name, path)
    return path


def run_path(setting, row, seed, results_dir):
    """Returns where the result of a run is kept."""
    name = f"{setting}-{row}-{seed}.json".replace(" ", "_").replace(",", "")
    return os.path.join(results_dir, name)


def as_json(settings):
    """Returns settings as they come back out of a JSON file."""
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def read_scores(setting, row, seed, settings, results_dir):
    """Returns the scores of a finished run, or `None`.

    Raises:
        SystemExit: If it was made with other settings.
    """
    path = run_path(setting, row, seed, results_dir)
    if not os.path.exists(path):
        return None
    with open(path) as file:
        result = json.load(file)
    if result["settings"] != as_json(settings):
        raise SystemExit(
            f"{path} was made with {result['settings']}, this is "
            f"{as_json(settings)}: pass another --results-dir"
        )
    return result["scores"]


def interval(values):
    """Returns the mean and the half width of its 95% interval."""
    from scipy import stats

    values = np.asarray(values, float)
    if len(values) < 2:
        return values.mean(), float("nan")
    quantile = stats.t.ppf(0.975, len(values) - 1)
    return values.mean(), quantile * values.std(ddof=1) / len(values) ** 0.5


def tables(results):
    """Yields the lines of two Markdown tables for each setting.

    Args:
        results: dict from (setting, row) to `(num_seeds, 2)` arrays of
            Recall@1 and MAP@R in %, in the order of the seeds.
    """
    for setting in dict.fromkeys(setting for setting, _ in results):
        rows = {row: one for (of, row), one in results.items() if of == setting}
        yield from ("", f"| {setting} | Recall@1 | MAP@R |", "|---|---|---|")
        for row, values in rows.items():
            yield line(row, values)
        yield from (
            "",
            f"| {setting}, UDML-SS minus | Recall@1 | MAP@R |",
            "|---|---|---|",
        )
        for row, values in rows.items():
            if row != "UDML-SS":
                yield line(row, rows["UDML-SS"] - values, sign="+")


def line(name, values, sign=""):
    """Returns a row of a table: a name, then mean and interval of columns."""
    cells = [
        f"{mean:{sign}.1f} ± {half:.1f}"
        for mean, half in map(interval, np.transpose(values))
    ]
    return f"| {name} | {' | '.join(cells)} |"


def draw(results, path):
    """Draws each row's mean and interval over the runs that made them."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    settings = list(dict.fromkeys(setting for setting, _ in results))
    figure, axes = pyplot.subplots(
        *(len(settings), 2), figsize=(9, 2.6 * len(settings)), squeeze=False
    )
    for across, setting in zip(axes, settings, strict=True):
        rows = [row for of, row in results if of == setting]
        for column, (ax, name) in enumerate(
            zip(across, SCORES.values(), strict=True)
        ):
            for place, row in enumerate(rows):
                values = results[setting, row][:, column]
                mean, half = interval(values)
                ax.plot(values, [place] * len(values), "o", color="0.75")
                color = "C3" if row == "UDML-SS" else "C0"
                ax.errorbar(mean, place, xerr=half, fmt="|", color=color)
            ax.set(title=f"{setting}: {name}, %", yticks=range(len(rows)))
            ax.set_yticklabels([] if column else rows)
            ax.invert_yaxis()
            ax.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def parse_arguments():
    """Returns (arguments, `Settings`)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", choices=ROWS, default=[*ROWS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[*range(5)])
    parser.add_argument("--results-dir", default="runs/accuracy_udml")
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count(),
        help="runs at a time, each on one thread",
    )
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument(
        "--rotation-weight", type=float, default=Settings.rotation_weight
    )
    arguments = parser.parse_args()
    return arguments, Settings(
        validation=arguments.validation,
        steps=arguments.steps,
        rotation_weight=arguments.rotation_weight,
    )


def main():
    """Does the runs that are missing; prints the tables, draws the picture."""
    arguments, settings = parse_arguments()
    results_dir = arguments.results_dir
    os.makedirs(results_dir, exist_ok=True)
    runs = [
        (setting, row, seed)
        for setting in arguments.settings
        for row in ROWS[setting]
        for seed in arguments.seeds
    ]
    missing = [
        one for one in runs if not read_scores(*one, settings, results_dir)
    ]
    # The backbones first: the other runs of their setting start from them.
    stages = [
        [one for one in missing if one[1] not in TRAINED],
        [one for one in missing if one[1] in TRAINED],
    ]
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    for stage in filter(None, stages):
        with multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool:
            finished = [
                pool.apply_async(
                    run, (setting, row, settings, seed, results_dir)
                )
                for setting, row, seed in stage
            ]
            for one in finished:
                print(one.get(), flush=True)

    results = {
        (setting, row): 100
        * np.array(
            [
                [scores[name] for name in SCORES]
                for scores in (
                    read_scores(setting, row, seed, settings, results_dir)
                    for seed in arguments.seeds
                )
            ]
        )
        for setting in arguments.settings
        for row in ROWS[setting]
    }
    print("\n".join(tables(results)))
    draw(results, os.path.join(results_dir, "scores.png"))


if __name__ == "__main__":
    main()
