"""What a run leaves on the screen when it has come to its end."""

import json
import os
import pathlib
import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelines.configs import PipelineConfig
from pipelines.runners.progress import Progress

if TYPE_CHECKING:
    from pipelines.runners.local.step_runner import StepOutcome

_LABELLED = "\nOn classes never seen in training, in %:"
_UNLABELLED = (
    "\nChanged copies of held-out images that find their original among the "
    "first k\nof all images, in %:"
)


def show_results(
    config: PipelineConfig,
    outcomes: "dict[str, StepOutcome]",
    run_dir: pathlib.Path,
    progress: Progress,
) -> None:
    """Shows the table, where things are, and whether anything was pushed.

    Args:
        config: the run.
        outcomes: step id to its outcome.
        run_dir: folder of the run; the report, the Keras model, and the
            clusters and the trials where there are any, are copied into it.
        progress: to write to.
    """
    from tfx.utils import path_utils

    report_uri = pathlib.Path(outcomes["Reporter"].outputs["report"][0].uri)
    report_path = run_dir / "report.html"
    shutil.copyfile(report_uri / "report.html", report_path)
    scores = json.loads((report_uri / "scores.json").read_text())
    (pushed,) = outcomes["Pusher"].outputs["pushed_model"]
    push_file = pathlib.Path(pushed.uri, "push.json")
    published = config.candidate if push_file.exists() else None

    progress.write(_LABELLED if config.ingest.labelled else _UNLABELLED)
    progress.write(score_table(scores, config.titles, published))
    if push_file.exists():
        push = json.loads(push_file.read_text())
        progress.write("\nSaved models, embedder and index and ids inside:")
        progress.write(f"  {push['exact']}")
        progress.write(f"  {push['scann']}  (needs the ScaNN op)")
    clusters_path = report_uri / "clusters.csv"
    if clusters_path.exists():
        shutil.copyfile(clusters_path, run_dir / "clusters.csv")
        progress.write(f"\nClusters: {run_dir / 'clusters.csv'}")
    if "Tuner" in outcomes:
        (trials,) = outcomes["Tuner"].outputs["tuner_results"]
        trials_path = run_dir / "trials.html"
        shutil.copyfile(pathlib.Path(trials.uri, "trials.html"), trials_path)
        progress.write(f"\nTrials: {trials_path}")
    (indexed,) = outcomes["Indexer"].outputs["model"]
    model = pathlib.Path(
        path_utils.serving_model_path(indexed.uri), "assets.extra/model.keras"
    )
    # Not of a run that was made before models carried it.
    if model.exists():
        shutil.copyfile(model, run_dir / "model.keras")
        progress.write(f"\nKeras model: {run_dir / 'model.keras'}")
    progress.write(f"\nReport: {report_path}")
    if push_file.exists():
        progress.write(search_commands(config, pathlib.Path(push["exact"])))
    if published is None:
        row = config.titles[config.candidate]
        fault = pushed.get_string_custom_property("fault")
        progress.write(f"\nNOT PUSHED: {row}. {fault}")


def search_commands(config: PipelineConfig, version: pathlib.Path) -> str:
    """Returns how to search in what was published.

    Args:
        config: the run.
        version: folder of the version with exact search.

    Returns:
        Lines of text, commands from the working folder.
    """
    python, model = map(_from_here, (sys.executable, str(version.parent)))
    serve = f"{python} -m keras_dvml serve {model}"
    if config.ingest.folder:
        serve += f" --images {_from_here(config.ingest.folder)}"
    return (
        "\nTo search with a picture of your own, and on a page:\n"
        f"  {python} -m keras_dvml search {model} my_picture.jpg\n"
        f"  {serve}"
    )


def _from_here(path: str) -> str:
    """Returns a path for a shell, from the working folder where it is below."""
    path, here = os.path.abspath(path), os.getcwd()
    if path.startswith(here + os.sep):
        path = os.path.relpath(path, here)
    return shlex.quote(path)


def score_table(
    scores: dict[str, dict[str, float]],
    titles: Mapping[str, str],
    published: str | None = None,
) -> str:
    """Lays scores out in columns.

    Args:
        scores: method to score name to value in 0..1.
        titles: method to what its row is called.
        published: the method whose row is marked, if any.

    Returns:
        Lines of text, values in percent.
    """
    heads = {name: _head(name) for name in next(iter(scores.values()))}
    rows = {"": heads}
    for method, values in scores.items():
        cells = {name: f"{100 * values[name]:.1f}" for name in heads}
        rows[titles[method]] = cells
    marked = titles[published] if published else None
    lines = []
    for row, cells in rows.items():
        line = f"  {row:{max(map(len, rows))}}"
        for name, cell in cells.items():
            line += f"{cell:>{max(10, len(heads[name]) + 2)}}"
        lines.append(line + ("  published" if row == marked else ""))
    return "\n".join(lines)


def _head(name: str) -> str:
    if name.startswith(("recall", "copies")):
        return name.replace("_", " ").capitalize()
    return name.upper()
