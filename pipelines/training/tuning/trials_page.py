"""A table of the trials of a tuning, for people."""

import html

from pipelines.training.tuning.trials import Trial, Tuning

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Trials</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto;
  max-width: 60em; padding: 0 1em; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 0.3em 0.9em; text-align: right;
  border-bottom: 1px solid #8884; }}
tr.best {{ font-weight: bold; }}
</style>
<h1>Trials</h1>
<p>{words}</p>
<table>
<thead><tr>{titles}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</html>
"""


def trials_page(tuning: Tuning, score: str) -> str:
    """Lays trials out as an HTML page, the best first.

    Args:
        tuning: the trials.
        score: what they are ordered by.

    Returns:
        The page.
    """
    names = list(tuning.best.values)
    titles = ["Trial", *map(_title, tuning.best.scores), *map(_title, names)]
    ordered = sorted(
        tuning.trials, key=lambda trial: -trial.scores.get(score, -1)
    )
    trained, validated = tuning.num_classes
    words = (
        f"Each was trained on {trained} of the classes to train on, and "
        f"scored in % on the {validated} others of them; no class to test on "
        f"had a part in it. The best {score} is that of trial "
        f"{tuning.best.number}, whose values the training took on. Trial 1 has "
        "the values that the run was configured with. Factors multiply their "
        "weights."
    )
    return _PAGE.format(
        words=html.escape(words),
        titles="".join(f"<th>{html.escape(title)}</th>" for title in titles),
        rows="\n".join(
            _row(trial, list(tuning.best.scores), trial == tuning.best)
            for trial in ordered
        ),
    )


def _row(trial: Trial, scores: list[str], is_best: bool) -> str:
    cells = [str(trial.number)]
    cells += [
        f"{100 * trial.scores[name]:.1f}" if trial.scores else "failed"
        for name in scores
    ]
    cells += [
        f"{value:.3g}" if isinstance(value, float) else str(value)
        for value in trial.values.values()
    ]
    kind = ' class="best"' if is_best else ""
    columns = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f"<tr{kind}>{columns}</tr>"


def _title(name: str) -> str:
    if name == "map@r":
        return "MAP@R"
    return name.replace("_", " ").capitalize()
