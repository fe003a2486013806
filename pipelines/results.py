"""What a run leaves on the screen when it has come to its end."""

import json
import pathlib
import shutil
from typing import TYPE_CHECKING

from pipelines.progress import Progress

if TYPE_CHECKING:
    from pipelines.step_runner import StepOutcome


def show_results(
    outcomes: "dict[str, StepOutcome]",
    run_dir: pathlib.Path,
    progress: Progress,
) -> None:
    """Shows the table, where things are, and whether anything was pushed.

    Args:
        outcomes: step id to its outcome.
        run_dir: folder of the run; the report is copied into it.
        progress: to write to.
    """
    report_uri = pathlib.Path(outcomes["Reporter"].outputs["report"][0].uri)
    report_path = run_dir / "report.html"
    shutil.copyfile(report_uri / "report.html", report_path)
    scores = json.loads((report_uri / "scores.json").read_text())
    pushed_uri = outcomes["Pusher"].outputs["pushed_model"][0].uri
    push_file = pathlib.Path(pushed_uri, "push.json")

    progress.write("\nOn classes never seen in training, in %:")
    progress.write(score_table(scores))
    if push_file.exists():
        push = json.loads(push_file.read_text())
        progress.write("\nSaved models, embedder and index and ids inside:")
        progress.write(f"  {push['exact']}")
        progress.write(f"  {push['scann']}  (needs the ScaNN op)")
    else:
        progress.write(
            "\nNOT PUSHED: the candidate finds less than the last blessed "
            "model, which stays in place."
        )
    progress.write(f"\nReport: {report_path}")


def score_table(scores: dict[str, dict[str, float]]) -> str:
    """Lays scores out in columns.

    Args:
        scores: row name to score name to value in 0..1.

    Returns:
        Lines of text, values in percent.
    """
    names = list(next(iter(scores.values())))
    width = max(map(len, scores))
    titles = [name.upper().replace("RECALL", "Recall") for name in names]
    lines = ["  " + " " * width + "".join(f"{title:>10}" for title in titles)]
    for row, values in scores.items():
        cells = "".join(f"{100 * values[name]:10.1f}" for name in names)
        lines.append(f"  {row:{width}}{cells}")
    return "\n".join(lines)
