"""Pieces that stories and states are written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from metrics_ai.event_listing import duration_text, number_text, range_text
from schemas.events import Contribution, Range

__all__ = [
    "BAR_COLUMNS",
    "columns_text",
    "contribution_lines",
    "duration_text",
    "fields_text",
    "indented",
    "series_text",
    "unit_text",
    "value_text",
]

BAR_COLUMNS: Final = 24
_INDENT: Final = "  "


def series_text(metric: str, labels: Mapping[str, str]) -> str:
    """A series as a selector names it.

    Examples
    --------
    >>> series_text("cpu", {"node": "h1"}), series_text("up", {})
    ('cpu{node="h1"}', 'up')
    """
    pairs = ", ".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
    return f"{metric}{{{pairs}}}" if pairs else metric


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def unit_text(unit: str) -> str:
    """A unit behind a number; nothing for none.

    Examples
    --------
    >>> unit_text("ms"), unit_text("1"), unit_text("")
    (' ms', '', '')
    """
    return "" if unit in ("", "1") else f" {unit}"


def value_text(value: float | None, expected: Range | None, unit: str) -> str:
    """What was observed against what was expected.

    Examples
    --------
    >>> value_text(304.2, Range(low=59.9, center=120, high=180), "ms")
    '304 ms, expected 59.9 .. 180 ms'
    """
    seen = f"{number_text(value)}{unit_text(unit)}"
    return seen if expected is None else f"{seen}, expected {range_text(expected)}{unit_text(unit)}"


def columns_text(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows in columns of equal width; those in ``right`` lean to the right.

    Examples
    --------
    >>> columns_text([["window", "score"], ["5m", "12.1"]], right=[1])
    ['window  score', '5m       12.1']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def contribution_lines(base: float, contributions: Sequence[Contribution], score: float) -> list[str]:
    r"""A bar for each contribution; base and contributions, and the score that they add up to.

    Examples
    --------
    >>> shares = [Contribution(of="15m", value=1.5), Contribution(of="1h", value=0.5)]
    >>> print("\n".join(contribution_lines(0.0, shares, 2.0)))
    15m    1.50  ████████████████████████
    1h     0.50  ████████
    score  2.00
    """
    parts = [("base", base)] if base else []
    parts += [(one.of, one.value) for one in sorted(contributions, key=lambda one: -abs(one.value))]
    most = max((abs(value) for _, value in parts), default=0.0) or 1.0
    rows = [[name, f"{value:.2f}", "█" * max(1, round(BAR_COLUMNS * abs(value) / most))] for name, value in parts]
    return columns_text([*rows, ["score", f"{score:.2f}", ""]], right=[1])


def indented(lines: Sequence[str]) -> list[str]:
    """Lines of a section."""
    return [_INDENT + line if line else "" for line in lines]


def fields_text(fields: Sequence[tuple[str, str]]) -> list[str]:
    """Names and what they are; what is empty is left out.

    Examples
    --------
    >>> fields_text([("since", "noon"), ("until", ""), ("at its worst", "304")])
    ['since         noon', 'at its worst  304']
    """
    return columns_text([[name, value] for name, value in fields if value])
