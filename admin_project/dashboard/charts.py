"""Charts as inline SVG, drawn here: no script, no library, any theme (docs/decisions/0020)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor, log10
from typing import Final

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH: Final = 720
HEIGHT: Final = 220
_LEFT: Final = 56
_BOTTOM: Final = 24
_TOP: Final = 10
_LABELS: Final = 7


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What is drawn at one time: a value for each layer, and what a pointer is told."""

    at: datetime
    values: Sequence[float]
    told: str


def stacked_bars(
    stacks: Sequence[Stack], *, layers: Sequence[str], title: str, hourly: bool, places: int = 0
) -> SafeString:
    """Draw bars over time, one layer upon the other; `layers` are CSS classes from below up."""
    top = _round_up(max((sum(stack.values) for stack in stacks), default=0))
    inner = HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - _LEFT) / max(len(stacks), 1)
    bar = max(step * 0.76, 1)
    drawn = []
    for number, stack in enumerate(stacks):
        x, y = _LEFT + number * step, float(HEIGHT - _BOTTOM)
        rects = [_rect("hit", x, _TOP, step, inner)]
        for layer, value in zip(layers, stack.values, strict=True):
            height = inner * value / top
            y -= height
            if value:
                rects.append(_rect(layer, x + (step - bar) / 2, y, bar, max(height, 0.5)))
        drawn.append(f'<g class="bar"><title>{escape(stack.told)}</title>{"".join(rects)}</g>')
    bars = SafeString("".join(drawn))
    return _svg(title, _grid(top, inner, places), bars, _times(stacks, step, hourly=hourly))


def _rect(layer: str, x: float, y: float, width: float, height: float) -> str:
    # A year has a thousand of these, and `format_html` takes a millisecond for twenty.
    return (
        f'<rect class="{layer}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    )


def _svg(title: str, *parts: SafeString) -> SafeString:
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        WIDTH,
        HEIGHT,
        title,
        format_html_join("", "{}", ((part,) for part in parts)),
    )


def _grid(top: float, inner: int, places: int) -> SafeString:
    lines = []
    for quarter in range(5):
        y = _TOP + inner * (4 - quarter) / 4
        lines.append((_LEFT, WIDTH, f"{y:.1f}", f"{y:.1f}", _LEFT - 6, f"{y + 4:.1f}",
                      _short(top * quarter / 4, places)))  # fmt: skip
    return format_html_join(
        "",
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="axis" x="{}" y="{}" text-anchor="end">{}</text>',
        lines,
    )


def _times(stacks: Sequence[Stack], step: float, *, hourly: bool) -> SafeString:
    every = max(ceil(len(stacks) / _LABELS), 1)
    labels = [
        (
            f"{_LEFT + (number + 0.5) * step:.1f}",
            HEIGHT - 6,
            f"{stack.at:%H:%M}" if hourly else f"{stack.at.day} {stack.at:%b}",
        )
        for number, stack in enumerate(stacks)
        if number % every == every // 2
    ]
    return format_html_join(
        "", '<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>', labels
    )


def _round_up(value: float) -> float:
    """Return the next number whose quarters are written shortly."""
    if value <= 4:  # noqa: PLR2004 - a grid has four lines
        return 4
    power = 10.0 ** floor(log10(value))
    return next(
        nice * power for nice in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if nice * power >= value
    )


def _short(value: float, places: int) -> str:
    value /= 10**places
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
