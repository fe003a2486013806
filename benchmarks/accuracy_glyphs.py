r"""Retrieval of unseen classes: every method, its parts and its bounds.

    make accuracy
    python benchmarks/accuracy_glyphs.py --groups baselines unsupervised

Cost: about 190 runs of a minute or two, each on a core of its own. Each run
that is finished is a file in `runs/accuracy_glyphs`: started again, the command
runs those that are missing, and changes nothing where none is. Prints
scores on the classes of the glyphs' `test` split in %, mean and 95% interval
(Student's t, from three seeds on), then each row's difference to its baseline,
paired by seed, and draws both. `scores.md` and `scores.svg` keep table and
picture, `some_scores` those of a part.

Two settings, both trained on the `train` split:

- adapted: from a backbone that was pretrained with labels on other characters,
  drawn cleanly (the `pretrain` split); the same one for each row of a seed.
  Batch norm is frozen.
- from scratch: from random weights; the same ones for each row of a seed.

All rows have the same backbone, number of steps, batches of 16 x 5, crops and
learning rate; those without labels the same number of clusters, and colours at
random, since they would group colours. DVML enters its second phase in the
middle; over clusters, whose labels change, it stays in the first. Ablations are
of triplet + DVML. A seed decides on weights, batches, draws, clusters and
augmentation; the images are the same for all.

`--validation` trains on the first three quarters of the `train` classes and
scores on the last: `Settings` (glyph_runs.py) were chosen on that split.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import multiprocessing
import os

import numpy as np
from glyph_runs import ROWS, SETTINGS, Settings, scores_of

from keras_dvml.whole_files import whole_file

GROUPS = tuple(dict.fromkeys(row.group for row in ROWS.values()))
# Points of the axis of differences to either side.
WIDEST = 12
SCORES = {
    **{f"recall@{k}": f"Recall@{k}" for k in (1, 2, 4, 8)},
    **{"map@r": "MAP@R", "nmi": "NMI", "f1": "F1"},
}


def run(setting, name, settings, seed, results_dir):
    """Does one run and writes its file; returns its path."""
    stem = os.path.join(results_dir, setting.replace(" ", "_"))
    scores = scores_of(
        setting, name, settings, seed, f"{stem}-{seed}.weights.h5"
    )
    path = run_path(setting, name, seed, results_dir)
    result = {"settings": as_json(settings), "scores": scores}
    # A run that was stopped leaves no file that looks finished.
    with whole_file(path) as file:
        file.write(json.dumps(result).encode())
    return path


def run_path(setting, name, seed, results_dir):
    """Returns where the result of a run is kept."""
    file_name = f"{setting}-{name}-{seed}.json"
    file_name = file_name.replace(" ", "_").replace(",", "")
    return os.path.join(results_dir, file_name)


def as_json(settings):
    """Returns settings as they come back out of a JSON file."""
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def read_scores(setting, name, seed, settings, results_dir):
    """Returns the scores of a finished run, or `None`.

    Raises:
        SystemExit: If it was made with other settings.
    """
    path = run_path(setting, name, seed, results_dir)
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


def do_missing(runs, settings, results_dir, jobs):
    """Does the runs that have no file yet."""
    missing = [
        one for one in runs if not read_scores(*one, settings, results_dir)
    ]
    # The backbones first: the other runs of their setting start from them.
    stages = [
        [one for one in missing if ROWS[one[1]].group == "baselines"],
        [one for one in missing if ROWS[one[1]].group != "baselines"],
    ]
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    done = len(runs) - len(missing)
    for stage in filter(None, stages):
        # A process that is killed ends it with an error, unlike a Pool.
        with concurrent.futures.ProcessPoolExecutor(
            jobs, multiprocessing.get_context("spawn")
        ) as pool:
            started = [
                pool.submit(run, setting, name, settings, seed, results_dir)
                for setting, name, seed in stage
            ]
            try:
                for one in concurrent.futures.as_completed(started):
                    path = one.result()
                    done += 1
                    print(f"{done} of {len(runs)}: {path}", flush=True)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def interval(values):
    """Returns the mean and the half width of its 95% interval, or nan.

    Of two values the interval is 13 standard errors wide and says nothing.
    """
    from scipy import stats

    values = np.asarray(values, float)
    if len(values) < 3:
        return values.mean(), float("nan")
    quantile = stats.t.ppf(0.975, len(values) - 1)
    return values.mean(), quantile * values.std(ddof=1) / len(values) ** 0.5


def table(results, setting):
    """Yields the lines of a Markdown table of scores and differences.

    Args:
        results: dict from (setting, name) to `(num_seeds, num_scores)` arrays
            in %, in the order of the seeds.
        setting: the one to print.
    """
    differences = [f"{SCORES[one]} - baseline" for one in ("recall@1", "map@r")]
    header = [setting, *SCORES.values(), "baseline", *differences]
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for (of, name), values in results.items():
        if of != setting:
            continue
        cells = [name, *map(cell, values.T)]
        difference = difference_to_baseline(results, setting, name)
        if difference is not None:
            places = [list(SCORES).index(one) for one in ("recall@1", "map@r")]
            cells.append(ROWS[name].baseline)
            cells += [cell(difference[:, one], sign="+") for one in places]
        cells += [""] * (len(header) - len(cells))
        yield f"| {' | '.join(cells)} |"


def difference_to_baseline(results, setting, name):
    """Returns the differences by seed, or `None` without a baseline."""
    baseline = results.get((setting, ROWS[name].baseline))
    return None if baseline is None else results[setting, name] - baseline


def cell(values, sign=""):
    """Returns the mean of values as text, from three on with its interval."""
    mean, half = interval(values)
    return f"{mean:{sign}.1f}" + ("" if np.isnan(half) else f" ± {half:.1f}")


def draw(results, path):
    """Draws Recall@1 of each row, and its difference to its baseline."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    settings = list(dict.fromkeys(setting for setting, _ in results))
    heights = [sum(of == one for of, _ in results) for one in settings]
    figure, axes = pyplot.subplots(
        *(len(settings), 2),
        figsize=(10, 1.2 + 0.3 * sum(heights)),
        height_ratios=heights,
        squeeze=False,
    )
    for (left, right), setting in zip(axes, settings, strict=True):
        names = [name for of, name in results if of == setting]
        for place, name in enumerate(names):
            draw_row(left, place, results[setting, name][:, 0])
            difference = difference_to_baseline(results, setting, name)
            if difference is not None:
                draw_difference(right, place, difference[:, 0])
        left.set(title=f"{setting}: Recall@1, %", yticks=range(len(names)))
        left.set_yticklabels(names)
        right.set(title="difference to the row's baseline", yticks=[])
        right.axvline(0.0, color="0.4", linewidth=1)
        right.set_xlim(-WIDEST, WIDEST)
        for ax in (left, right):
            ax.set_ylim(len(names) - 0.5, -0.5)
            ax.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    # Letters as letters, and the same file of the same runs.
    pyplot.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "glyphs"})
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def draw_difference(ax, place, values):
    """Draws a row, or an arrow to one that would dwarf the others."""
    mean, half = interval(values)
    if np.nanmax([abs(mean) + half, abs(values).max()]) < WIDEST:
        draw_row(ax, place, values)
        return
    side = np.sign(mean)
    ax.annotate(
        cell(values, sign="+"),
        xy=(side * WIDEST, place),
        xytext=(side * 0.85 * WIDEST, place),
        horizontalalignment="left" if side < 0 else "right",
        verticalalignment="center",
        arrowprops={"arrowstyle": "->", "color": "C0"},
    )


def draw_row(ax, place, values):
    """Draws the runs of a row in grey, mean and interval in blue."""
    mean, half = interval(values)
    ax.plot(values, [place] * len(values), "o", color="0.75", markersize=4)
    ax.errorbar(mean, place, xerr=half, fmt="|", color="C0", markersize=9)


def parse_arguments():
    """Returns (arguments, `Settings`, whether that is the whole table)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--settings", nargs="+", choices=SETTINGS, default=SETTINGS
    )
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=[*ROWS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[*range(5)])
    parser.add_argument("--results-dir", default="runs/accuracy_glyphs")
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count(),
        help="runs at a time, each on one thread",
    )
    parser.add_argument("--validation", action="store_true")
    for name in ("steps", "rotation_weight", "prior_weight", "learning_rate"):
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(getattr(Settings, name)),
            default=getattr(Settings, name),
        )
    arguments = parser.parse_args()
    settings = Settings(
        validation=arguments.validation,
        steps=arguments.steps,
        rotation_weight=arguments.rotation_weight,
        prior_weight=arguments.prior_weight,
        learning_rate=arguments.learning_rate,
    )
    is_whole = settings == Settings() and all(
        getattr(arguments, name) == parser.get_default(name)
        for name in ("settings", "groups", "rows", "seeds")
    )
    return arguments, settings, is_whole


def main():
    """Does the runs that are missing; writes the tables, draws the picture."""
    arguments, settings, is_whole = parse_arguments()
    results_dir = arguments.results_dir
    os.makedirs(results_dir, exist_ok=True)
    rows = [
        (setting, name)
        for setting in arguments.settings
        for name, row in ROWS.items()
        if setting in row.settings
        and (
            # All rows of the setting start from this one.
            name == "pretrained, as it was"
            or (row.group in arguments.groups and name in arguments.rows)
        )
    ]
    runs = [(*row, seed) for seed in arguments.seeds for row in rows]
    do_missing(runs, settings, results_dir, arguments.jobs)
    results = {
        row: 100.0
        * np.array(
            [
                [scores[one] for one in SCORES]
                for scores in (
                    read_scores(*row, seed, settings, results_dir)
                    for seed in arguments.seeds
                )
            ]
        )
        for row in rows
    }
    tables = "\n\n".join(
        "\n".join(table(results, setting)) for setting in arguments.settings
    )
    print(f"\n{tables}\n")
    # What documents show is the whole.
    stem = os.path.join(results_dir, "scores" if is_whole else "some_scores")
    with open(f"{stem}.md", "w") as page:
        page.write(tables)
    draw(results, f"{stem}.svg")
    print(f"Picture: {stem}.svg")


if __name__ == "__main__":
    main()
