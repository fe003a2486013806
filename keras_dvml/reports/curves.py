"""Training curves as inline SVG: one panel a term, one line a row.

Drawn here and not by a plotting library, so that colours come from the
page's style sheet and change with dark mode, and the text stays text.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from keras_dvml.reports.page import section
from keras_dvml.reports.wording import is_share, spell_name

Histories = Mapping[str, Mapping[str, Sequence[float | None]]]

LOG_FROM_RATIO = 50

_WIDTH, _HEIGHT = 320, 176
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 24
_HINT = (
    "One panel per score or loss term, one line per row of the table. "
    "Point at a curve to read the values of that epoch below it."
)


class Line(NamedTuple):
    """One row's values of one term; `None` where nothing was measured."""

    row: str
    values: list[float | None]
    is_validation: bool

    @property
    def measured(self) -> list[tuple[int, float]]:
        """Pairs of an epoch, from 0, and its value."""
        pairs = enumerate(self.values)
        return [(epoch, value) for epoch, value in pairs if value is not None]


class Panel(NamedTuple):
    """The lines drawn over each other because they measure the same."""

    term: str
    lines: list[Line]

    @property
    def title(self) -> str:
        """The term in words, and whose it is when one row has it alone."""
        title = spell_name(self.term)
        if all(line.is_validation for line in self.lines):
            title += ", held out"
        return title


def panels(histories: Histories) -> list[Panel]:
    """Sorts histories into panels: scores, total loss, then its terms."""
    lines: dict[str, list[Line]] = {}
    for row, history in histories.items():
        for key, values in history.items():
            numbers = [_number(value) for value in values]
            line = Line(row, numbers, key.startswith("val_"))
            if line.measured:
                lines.setdefault(key.removeprefix("val_"), []).append(line)
    order = sorted(lines, key=lambda term: (not is_share(term), term != "loss"))
    return [Panel(term, lines[term]) for term in order]


def curves_section(histories: Histories, colors: Mapping[str, int]) -> str:
    """Returns the figures of all panels.

    Args:
        histories: Row name -> term -> value per epoch, NaN or `None` where
            nothing was measured.
        colors: Row name -> number of its colour in the style sheet.
    """
    drawn = panels(histories)
    num_epochs = max(
        (len(line.values) for panel in drawn for line in panel.lines), default=0
    )
    figures = "\n".join(_figure(panel, num_epochs, colors) for panel in drawn)
    return section("Training", _HINT, figures, "curves")


def curves_data(histories: Histories) -> list[list[list[str | None]]]:
    """Returns, per panel and line, what the page shows on hover."""
    return [
        [
            [_spell(value, panel.term) for value in line.values]
            for line in panel.lines
        ]
        for panel in panels(histories)
    ]


def _figure(panel: Panel, num_epochs: int, colors: Mapping[str, int]) -> str:
    scale = _scale(panel)
    # Dashes separate validation from training where both are in one panel.
    is_mixed = len({line.is_validation for line in panel.lines}) > 1
    grid = lines = readout = ""
    for tick in scale.ticks:
        y = scale.y(tick)
        grid += (
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" '
            f'text-anchor="end">{_tick(tick, panel.term)}</text>'
        )
    for epoch, anchor, text in _epoch_ticks(num_epochs):
        grid += (
            f'<text class="tick" x="{_x(epoch - 1, num_epochs):.1f}" '
            f'y="{_HEIGHT - 6}" text-anchor="{anchor}">{text}</text>'
        )
    for number, line in enumerate(panel.lines):
        color = f"c{colors[line.row]}"
        is_dashed = is_mixed & line.is_validation
        style = color + " held out" * is_dashed
        lines += _line(line, scale, num_epochs, style)
        readout += (
            f'<span class="row {color}">{escape(line.row)}'
            f"{' (held out)' * is_dashed} "
            f'<b data-line="{number}">'
            f"{_spell(line.measured[-1][1], panel.term)}</b></span>"
        )
    hint = " <small>log scale</small>" if scale.is_log else ""
    title = escape(panel.title)
    return (
        f'<figure class="curve" data-epochs="{num_epochs}">'
        f"<h3>{title}{hint}</h3>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{title} over {num_epochs} epochs" '
        f'data-left="{_LEFT}" data-right="{_WIDTH - _RIGHT}">'
        f"{grid}{lines}"
        f'<line class="cursor" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/></svg>'
        f'<figcaption><span class="when">epoch {num_epochs}</span>'
        f"{readout}</figcaption></figure>"
    )


def _line(line: Line, scale: "_Scale", num_epochs: int, style: str) -> str:
    points = [
        (f"{_x(epoch, num_epochs):.1f}", f"{scale.y(value):.1f}")
        for epoch, value in line.measured
    ]
    path = " ".join(map(",".join, points))
    drawn = f'<polyline class="line {style}" points="{path}"/>'
    if len(points) < len(line.values) or len(points) == 1:
        # Measured only now and then: mark where.
        for x, y in points:
            drawn += f'<circle class="dot {style}" cx="{x}" cy="{y}" r="2.4"/>'
    return drawn


class _Scale(NamedTuple):
    """Maps values to heights in the panel."""

    low: float
    high: float
    is_log: bool
    ticks: list[float]

    def y(self, value: float) -> float:
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = map(math.log10, (low, high, value))
        share = (value - low) / (high - low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _scale(panel: Panel) -> _Scale:
    values = [value for line in panel.lines for _, value in line.measured]
    low, high = min(values), max(values)
    if low > 0 and high / low > LOG_FROM_RATIO:
        first = math.floor(math.log10(low))
        last = math.ceil(math.log10(high))
        step = max(1, (last - first) // 4)
        ticks = [10.0**power for power in range(first, last + 1, step)]
        return _Scale(10.0**first, 10.0**last, True, ticks)
    if 0 <= low < high / 2 or is_share(panel.term):
        low = min(low, 0.0)
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1) / 2
    step = _nice_step((high - low) / 3)
    low = math.floor(low / step + 1e-9) * step
    high = math.ceil(high / step - 1e-9) * step
    count = round((high - low) / step)
    return _Scale(low, high, False, [low + i * step for i in range(count + 1)])


def _x(i: int, num_epochs: int) -> float:
    share = i / (num_epochs - 1) if num_epochs > 1 else 0.5
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _epoch_ticks(num_epochs: int) -> list[tuple[int, str, str]]:
    if num_epochs == 1:
        return [(1, "middle", "epoch 1")]
    step = max(1, round(_nice_step(num_epochs / 4)))
    inner = [
        (epoch, "middle", str(epoch))
        for epoch in range(step, num_epochs, step)
        # Room for the words at both ends.
        if 1 < epoch and num_epochs * 0.15 < epoch < num_epochs * 0.75
    ]
    last = (num_epochs, "end", f"epoch {num_epochs}")
    return [(1, "middle", "1"), *inner, last]


def _nice_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= step * 0.999)


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _spell(value: float | None, term: str) -> str | None:
    if value is None:
        return None
    return f"{value:.1%}" if is_share(term) else f"{value:.3g}"


def _tick(value: float, term: str) -> str:
    if is_share(term):
        return f"{value:.0%}"
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}"
