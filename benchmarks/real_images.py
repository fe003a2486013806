"""The demo on pictures of a person's folder: emoji as nine sets draw them.

    make accuracy-real
    python benchmarks/real_images.py --classes 150 --seeds 3

`emoji_sets.py` fetches and prepares the pictures; it needs node and npm. Then
the product runs on a folder of them as `make demo IMAGES=folder` does, and as
`make demo IMAGES=folder LABELS=none` does, but for the scores, which look at
the labels (`ingest.labelled`): both learn from one half of the classes and are
scored on the other. A seed decides on that half and on all that is drawn in
training. Cost: about ten minutes a run on two cores, two runs a seed. Each run
that is finished is a file in `runs/real_images/scores`: started again, the
command runs those that are missing.

Beside the product's own rows without training is the best such row: the
pooled features of each of EfficientNet-Lite0's upper blocks, on images of each
size of `SIZES`. `scores.md` has the tables: mean and 95% interval (Student's t)
over the seeds, differences paired by seed, and whether the aims are met.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
from accuracy_glyphs import cell
from emoji_sets import choose, prepare

import keras_dvml as kd
from keras_dvml.whole_files import whole_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCORES = ("recall@1", "map@r")
# Rows of the product's tables without training; the last is of its backbone.
UNTRAINED = ("pixels", "hog", "as_is")
AS_IS = "as_is"
TITLES = {
    "hog": "HOG",
    AS_IS: "pretrained, as is",
    "plain": "plain loss",
    "dvml": "DVML",
    "udml": "UDML-SS",
}
# What the product publishes -> how it is run, and what that stands for.
MAKE = {"dvml": ["IMAGES=folder"], "udml": ["IMAGES=folder", "LABELS=none"]}
RUNS = {
    "dvml": ["--config", "folder_dvml"],
    "udml": ["--config", "folder_udml", "--set", "ingest.labelled=true"],
}
# Points above "pretrained, as is" and above the best row without training.
AIMS = {"dvml": ((6.0, 12.0), (3.0, 8.0)), "udml": ((4.0, 6.0), (0.0, 0.0))}
MAX_MINUTES = 12.0
SIZES = (64, 96, 128, 160, 192, 224)
BLOCKS = range(10, 16)


def run(method, images, seed, folder, overrides=()):
    """Does a run that has no file yet; returns what its file holds.

    Args:
        method: of `RUNS`.
        images: `pathlib.Path` of the folder of classes.
        seed: of the run.
        folder: `pathlib.Path` of all that is kept.
        overrides: `FIELD=VALUE`, other changes to the run.

    Returns:
        dict of the `command`, the `minutes` it took, the `scores` by row and
        name, in %, and the `ids` of the images that were scored.

    Raises:
        SystemExit: If the run fails, or its file is of another command.
    """
    name = f"{images.name}_{method}_{seed}"
    changes = [f"train.seed={seed}", f"ingest.split_seed={seed}", *overrides]
    command = ["-m", "pipelines.local_runner", *RUNS[method], "--name", name]
    command += [part for one in changes for part in ("--set", one)]
    path = folder / "scores" / f"{name}.json"
    if path.exists():
        result = json.loads(path.read_text())
        if result["command"] != command:
            raise SystemExit(
                f"{path} is of {result['command']}, this is {command}: delete "
                "it or pass another --folder"
            )
        return result
    print(f"{path}: {' '.join(command)}", flush=True)
    workspace = folder / "workspace"
    # What a run that was stopped has left would be taken over, and save time.
    shutil.rmtree(workspace / name, ignore_errors=True)
    workspace.mkdir(parents=True, exist_ok=True)
    places = ["--images", images, "--workspace", workspace]
    places += ["--saved-models", workspace / "saved_models"]
    start = time.monotonic()
    with open(workspace / f"{name}.log", "w") as log:
        done = subprocess.run(
            [sys.executable, *command, *places], cwd=ROOT, stdout=log
        )
    if done.returncode:
        raise SystemExit(pathlib.Path(log.name).read_text())
    minutes = (time.monotonic() - start) / 60
    result = {
        "command": command,
        "minutes": minutes,
        **read_run(workspace / name),
    }
    with whole_file(path) as file:
        file.write(json.dumps(result).encode())
    return result


def read_run(run_dir):
    """Reads the table of a run and what it is of, from its artifacts.

    Args:
        run_dir: `pathlib.Path` of the run in its workspace.

    Returns:
        dict of `scores`, row to score to %, and `ids` of the scored images.
    """
    report = _last(run_dir, "Reporter", "scores.json")
    evaluated = _last(run_dir, "RetrievalEvaluator_*", "embeddings.npz")
    return {
        "scores": {
            row: {score: 100 * values[score] for score in SCORES}
            for row, values in json.loads(report.read_text()).items()
        },
        "ids": np.load(evaluated)["ids"].tolist(),
    }


def _last(run_dir, step, name):
    """Returns a file of the last execution of a step."""
    return max(
        run_dir.glob(f"artifacts/{step}/*/*/{name}"),
        key=lambda path: int(path.parent.name),
    )


def untrained_scores(images, ids_by_seed):
    """Scores features of EfficientNet-Lite0 as they come with its package.

    Args:
        images: `pathlib.Path` of the folder of classes.
        ids_by_seed: one list of ids, `<class>/<set>.png`, a seed.

    Returns:
        dict from (block, size) to `(num_seeds, num_scores)` array in %; the
        block is `None` for the head.
    """
    ids = sorted({one for ids in ids_by_seed for one in ids})
    rows = [[ids.index(one) for one in wanted] for wanted in ids_by_seed]
    classes = [one.partition("/")[0] for one in ids]
    labels = np.unique(classes, return_inverse=True)[1]
    encoded = [(images / one).read_bytes() for one in ids]
    scores = {}
    for size in SIZES:
        pixels = np.stack([kd.data.decode_image(one, size) for one in encoded])
        for block, features in untrained_features(pixels, size).items():
            scores[block, size] = np.asarray(
                [retrieval_scores(features[row], labels[row]) for row in rows]
            )
    return scores


def untrained_features(pixels, size):
    """Returns the pooled features of the head and the blocks, by block."""
    import keras

    backbone = kd.models.efficientnet_lite0(size, weights="imagenet")
    outputs = {"None": backbone.output}
    for block in BLOCKS:
        last = [one for one in backbone.layers if f"block_{block}_" in one.name]
        pool = keras.layers.GlobalAveragePooling2D()
        outputs[str(block)] = pool(last[-1].output)
    model = keras.Model(backbone.input, outputs)
    found = model.predict(pixels / 127.5 - 1.0, batch_size=64, verbose=0)
    return {None if b == "None" else int(b): f for b, f in found.items()}


def retrieval_scores(features, labels):
    """Returns the `SCORES` of features, compared by cosine, in %."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scores = kd.evaluation.evaluate_retrieval(
        features / np.maximum(lengths, 1e-12), labels, ks=(1,)
    )
    return [100 * scores[name] for name in SCORES]


def table(rows, as_is):
    """Yields the lines of a Markdown table of scores and differences.

    Args:
        rows: dict from row to `(num_seeds, num_scores)` array in %.
        as_is: the row that the others are compared with.
    """
    yield "| | Recall@1 | MAP@R | Recall@1 - as is | MAP@R - as is |"
    yield "|---|---|---|---|---|"
    for name, values in rows.items():
        cells = [cell(one) for one in values.T]
        if name != as_is:
            differences = values - rows[as_is]
            cells += [cell(one, sign="+") for one in differences.T]
        cells += [""] * (4 - len(cells))
        yield f"| {name} | {' | '.join(cells)} |"


def verdicts(published, as_is, best, aims, minutes):
    """Yields the lines of a Markdown table of aims and whether they are met.

    Args:
        published: `(num_seeds, num_scores)` array in %, of what is published.
        as_is: the same of its backbone, as it came.
        best: the same of the best rows without training, by score.
        aims: points above either, by score.
        minutes: of each run.
    """
    yield "| | aim | measured | |"
    yield "|---|---|---|---|"
    others = {TITLES[AS_IS]: as_is, "the best row without training": best}
    for (other, values), points in zip(others.items(), aims, strict=True):
        for place, score in enumerate(("Recall@1", "MAP@R")):
            difference = (published - values)[:, place]
            # In the digits that are shown.
            met = round(difference.mean(), 1) >= points[place]
            yield (
                f"| {score} - {other} | {points[place]:+.1f} | "
                f"{cell(difference, sign='+')} | {_word(met)} |"
            )
    longest = max(minutes)
    yield (
        f"| minutes, the longest run | {MAX_MINUTES:.1f} | {longest:.1f} | "
        f"{_word(round(longest, 1) <= MAX_MINUTES)} |"
    )


def _word(met):
    return "met" if met else "**not met**"


def best_of(rows):
    """Returns the best mean of each score over rows, as one array, and whose.

    Args:
        rows: dict from row to `(num_seeds, num_scores)` array in %.
    """
    means = {name: values.mean(0) for name, values in rows.items()}
    names = [
        max(means, key=lambda name: means[name][place])
        for place in range(len(SCORES))
    ]
    columns = [rows[name][:, place] for place, name in enumerate(names)]
    return np.stack(columns, 1), names


def parse_arguments():
    """Returns the arguments, and whether they are those of the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--methods", nargs="+", choices=RUNS, default=[*RUNS])
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="overrides",
        help="other changes to the runs, for trials; with another --folder",
    )
    parser.add_argument("--folder", default="runs/real_images")
    arguments = parser.parse_args()
    is_whole = all(
        getattr(arguments, name) == parser.get_default(name)
        for name in ("classes", "seeds", "methods", "overrides")
    )
    return arguments, is_whole


def main():
    """Does the runs that are missing, and writes the tables."""
    arguments, is_whole = parse_arguments()
    folder = pathlib.Path(arguments.folder).resolve()
    images = choose(
        prepare(folder), arguments.classes, folder / f"emoji{arguments.classes}"
    )
    results = {
        method: [
            run(method, images, seed, folder, arguments.overrides)
            for seed in range(arguments.seeds)
        ]
        for method in arguments.methods
    }
    # The two runs of a seed are scored on the same classes.
    first = next(iter(results.values()))
    untrained = {
        f"Lite0, {'head' if block is None else f'block {block}'}, "
        f"{size} pixels": scores
        for (block, size), scores in untrained_scores(
            images, [one["ids"] for one in first]
        ).items()
    }
    lines = [f"{arguments.classes} classes; seeds: {arguments.seeds}.\n"]
    for method, runs in results.items():
        rows = {
            row: np.asarray(
                [[one["scores"][row][name] for name in SCORES] for one in runs]
            )
            for row in runs[0]["scores"]
        }
        best, names = best_of(
            {
                **untrained,
                **{row: rows[row] for row in rows if row in UNTRAINED},
            }
        )
        shown = {
            f"**{TITLES[row]}**" if row == method else TITLES.get(row, row): (
                values
            )
            for row, values in rows.items()
        }
        shown |= {name: untrained[name] for name in names if name in untrained}
        lines += [f"`{' '.join(['make demo', *MAKE[method]])}`\n"]
        lines += [*table(shown, TITLES[AS_IS]), ""]
        minutes = [one["minutes"] for one in runs]
        lines += [
            *verdicts(rows[method], rows[AS_IS], best, AIMS[method], minutes),
            "",
        ]
    text = "\n".join(lines)
    print(text)
    with whole_file(
        folder / ("scores.md" if is_whole else "some_scores.md")
    ) as file:
        file.write(text.encode())


if __name__ == "__main__":
    main()
