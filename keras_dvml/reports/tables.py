"""The report's tables: scores, files left out, notes."""

from collections.abc import Mapping, Sequence
from html import escape

from keras_dvml.reports.page import section
from keras_dvml.reports.wording import explain_scores, spell_name

Scores = Mapping[str, Mapping[str, float]]
Intervals = Mapping[str, Mapping[str, tuple[float, float]]]

_OPEN_UP_TO = 12
_INTERVALS_HINT = (
    "Below each score its 95% interval over the choice of what is tested: "
    "classes, or originals of the copies. "
)


def summary(
    scores: Scores, intervals: Intervals, published: str | None = None
) -> str:
    """Returns one sentence on a row, and what it has over the best of others.

    Args:
        scores: Row name -> score name -> value in 0..1.
        intervals: Likewise.
        published: The row; `None` for the best one.
    """
    names = score_names(scores)
    name = "recall@1" if "recall@1" in names else names[0]
    measured = {row: s[name] for row, s in scores.items() if name in s}
    row = published
    if row is None or row not in measured:
        row = max(measured, key=lambda row: measured[row])
    value = measured.pop(row)
    interval = intervals.get(row, {}).get(name)
    sure = f"95% interval {_spell(interval)}" if interval else ""
    share, aside = f"{value:.1%}", f" ({sure})" if sure else ""
    if name == "recall@1":
        text = (
            f"With {row}, the first result is of the right class for {share} "
            f"of the queries (Recall@1{sure and ', ' + sure})"
        )
    elif name.startswith("copies_found@"):
        text = (
            f"With {row}, {share} of changed copies find their original first "
            f"among all images{aside}"
        )
    else:
        text = f"{row} reaches {share} {spell_name(name)}{aside}"
    if not measured:
        return text + "."
    other = max(measured, key=lambda row: measured[row])
    gain = 100 * (value - measured[other])
    points = f"{abs(gain):.1f} percentage points"
    if points.startswith("0.0"):
        return f"{text}, as with {other}."
    return (
        f"{text}, {points} {'less' if gain < 0 else 'more'} than with {other}."
    )


def scores_html(
    scores: Scores,
    intervals: Intervals,
    colors: Mapping[str, int],
    published: str | None = None,
) -> str:
    """Returns the table of scores in percent, what was published in bold."""
    names = score_names(scores)
    head = [f'<th scope="col">{_breakable(name)}</th>' for name in names]
    body = []
    for row, values in scores.items():
        bounds = intervals.get(row, {})
        cells = [_cell(values.get(n), bounds.get(n)) for n in names]
        mark = ' class="published"' if row == published else ""
        body.append(
            f'<tr{mark}><th scope="row"><i class="chip c{colors[row]}"></i>'
            f"{escape(row)}</th>{''.join(cells)}</tr>\n"
        )
    bold = ""
    if published is not None:
        bold = "In <b>bold</b> what was published. "
    sure = _INTERVALS_HINT if any(intervals.values()) else ""
    return (
        '<div class="wide"><table class="scores">\n'
        f"<thead><tr><td></td>{''.join(head)}</tr></thead>\n<tbody>\n"
        f"{''.join(body)}</tbody></table></div>\n"
        f'<p class="hint">Percent; higher is better. {bold}'
        f"{sure}{escape(' '.join(explain_scores(names)))}</p>"
    )


def quarantined_section(quarantined: Sequence[tuple[str, str]]) -> str:
    """Returns the table of files left out and why."""
    if not quarantined:
        return ""
    rows = [
        f"<tr><td>{escape(str(path))}</td><td>{escape(str(reason))}</td></tr>\n"
        for path, reason in quarantined
    ]
    count = len(quarantined)
    table = (
        f"<details{' open' if count <= _OPEN_UP_TO else ''}><summary>{count:,} "
        f"{'file was' if count == 1 else 'files were'} not used</summary>\n"
        '<table class="files"><thead><tr><th scope="col">File</th>'
        '<th scope="col">Reason</th></tr></thead>\n<tbody>\n'
        f"{''.join(rows)}</tbody></table></details>"
    )
    return section("Files left out", "", table)


def notes_section(notes: Mapping[str, str]) -> str:
    """Returns the notes as a list of terms and what holds for each."""
    rows = [
        f"<div><dt>{escape(str(term))}</dt><dd>{escape(str(text))}</dd></div>\n"
        for term, text in notes.items()
    ]
    return section("Notes", "", f"<dl>\n{''.join(rows)}</dl>" if rows else "")


def score_names(scores: Scores) -> list[str]:
    """Returns the names of all scores, in the order they first appear."""
    return list(dict.fromkeys(name for row in scores.values() for name in row))


def _breakable(name: str) -> str:
    return escape(spell_name(name)).replace("@", "<wbr>@")


def _cell(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return '<td class="none">\u2013</td>'
    bounds = ""
    if interval is not None:
        low, high = (f"{100 * bound:.1f}" for bound in interval)
        bounds = f"<small>{low}\u2013<wbr>{high}</small>"
    return f"<td><span>{100 * value:.1f}</span>{bounds}</td>"


def _spell(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}"
