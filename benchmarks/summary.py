"""The one table of all benchmarks, made of the figures that they left."""

import os
import platform
import statistics


def table(records):
    """Returns it in Markdown.

    Args:
        records: benchmark's name -> (its tables, list of `Figure`).
    """
    lines = [
        "| benchmark | environment | claim | worst case | ours | peer | floor "
        "| ratio | bar | met |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, (_, some) in records.items():
        for cases in _by_claim(some).values():
            lines.append(_row(name, cases))
    return "\n".join(lines)


def beside_peers(records):
    """Returns a short table in Markdown: times of ours as shares of theirs.

    Args:
        records: as of `table`.
    """
    figures = [
        figure
        for _, some in records.values()
        for figure in some
        # Inertia has no unit; what has no bar was measured beside it.
        if figure.against == "peer" and figure.unit and figure.bar
    ]
    lines = [
        "| | environment | time of ours / theirs, median | from | to | cases |",
        "|---|---|---|---|---|---|",
    ]
    for (claim, environment), cases in _by_claim(figures).items():
        values = [case.value for case in cases]
        amounts = statistics.median(values), min(values), max(values)
        cells = [claim, environment, *map(_ratio, amounts), str(len(cases))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def missed(records):
    """Returns a list in Markdown of the cases that missed their bar."""
    lines = [
        f"- {name}, {case.environment}, {case.claim}: {case.case}, "
        f"{case.value:.3g} instead of {case.bar:.3g}"
        for name, (_, some) in records.items()
        for case in some
        if case.met is False
    ]
    return "\n".join(["Missed:", "", *lines]) if lines else "Nothing missed."


def _by_claim(some):
    """Returns (claim, environment) -> its figures."""
    cases = {}
    for figure in some:
        key = figure.claim, figure.environment
        cases.setdefault(key, []).append(figure)
    return cases


def _row(name, cases):
    # The case that is furthest from its bar.
    worst = max(cases, key=lambda case: case.value / (case.bar or 1))
    limit = worst.against == "limit"
    met = sum(bool(case.met) for case in cases)
    cells = [
        *(name, worst.environment, worst.claim, worst.case),
        _amount(worst.ours, worst.unit),
        f"{_amount(worst.peer, worst.unit)} {worst.peer_name}".strip(),
        _amount(worst.floor, worst.unit),
        "" if limit else f"{worst.value:.2f} of {worst.against}",
        "" if worst.bar is None else _amount(worst.bar, worst.unit * limit),
        "" if worst.bar is None else f"{met} of {len(cases)}",
    ]
    return "| " + " | ".join(cells) + " |"


def _ratio(value):
    return f"{value:.2f}" if value >= 1 else f"{value:.2g}"


def _amount(value, unit):
    if value is None:
        return ""
    amount = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{amount} {unit}".strip()


def machine():
    """Returns what a reader should know of where this was measured."""
    with open("/proc/cpuinfo") as lines:
        models = {
            line.partition(": ")[2].strip()
            for line in lines
            if line.startswith("model name")
        }
    model = ", ".join(sorted(models)) or platform.machine()
    return f"{os.cpu_count()} cores of {model}."
