"""Figures of series: what was seen, what was expected, and marks. Arrays in, a Matplotlib figure out."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from metrics_ai.event_listing import number_text
from metrics_ai.explain.tracing import Band, Line
from schemas.errors import MachineError

MAX_PANELS: Final = 6
_INK, _GREY, _FAINT = "#1f2933", "#66727f", "#e4e8ec"
_BLUE, _BAND, _RED, _RED_FILL = "#1d5f9e", "#9cc3e6", "#c92a2a", "#fdecea"
_WIDTH_IN, _PANEL_IN, _EDGE_IN = 10.5, 3.2, 0.55
_DPI: Final = 150
_WRAP: Final = 92
_DAY_MS: Final = 86_400_000
_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k"))
_MAX_TITLE: Final = 96
# Beyond so many points a line is drawn as the lowest and highest of each stretch.
_MAX_POINTS: Final = 4000
_DENSE: Final = 1500
_STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": "#b4bec8",
    "axes.labelcolor": _GREY,
    "axes.linewidth": 0.8,
    "axes.facecolor": "white",
    "figure.facecolor": "white",
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "svg.hashsalt": "metrics-ai",
    "text.parse_math": False,  # a label's dollars are dollars
}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch that was anomalous; without an end it goes on."""

    start_ms: int
    end_ms: int | None
    peak_ms: int | None = None
    peak: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One series of a figure.

    Parameters
    ----------
    title, sentence
        Above it.
    unit
        Of its values.
    line
        What was seen.
    band
        What was expected; None where that is not known.
    spans
        What was anomalous.
    dots
        Whether the line is few single reports instead of samples.
    """

    title: str
    line: Line
    sentence: str = ""
    unit: str = ""
    band: Band | None = None
    spans: Sequence[Span] = field(default=())
    dots: bool = False


def figure_of(panels: Sequence[Panel], title: str = "") -> Figure:
    """A figure of one or several panels, one below the other.

    Parameters
    ----------
    panels
        The first ``MAX_PANELS`` of them are drawn.
    title
        Above all of them.

    Examples
    --------
    >>> line = Line(np.arange(3) * 60_000, np.array([1.0, 2.0, 9.0]))
    >>> figure = figure_of([Panel("cpu of node h1", line, spans=[Span(120_000, None)])])
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['time (UTC)']
    """
    shown = panels[:MAX_PANELS]
    with rc_context(_STYLE):
        height = _PANEL_IN * len(shown) + _EDGE_IN + (0.35 if title else 0.0)
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, hspace=0.06)
        figure = Figure(figsize=(_WIDTH_IN, height), dpi=_DPI, layout=layout)
        if title:
            figure.suptitle(title, x=0.015, ha="left", fontsize=13.5, fontweight="bold")
        grid = figure.subplots(len(shown), 1, squeeze=False, sharex=True)
        for panel, axes in zip(shown, grid[:, 0], strict=True):
            _draw(axes, panel)
        grid[-1, 0].set_xlabel("time (UTC)")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as its file's suffix says; SVG holds its letters as outlines and no date.

    Raises
    ------
    MachineError
        If it cannot be written.
    """
    form = path.suffix.lower().removeprefix(".")
    buffer = io.BytesIO()
    with rc_context(_STYLE), warnings.catch_warnings():
        # A letter that the font lacks becomes a box.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(buffer, format=form, metadata={"Date": None} if form == "svg" else None)
    try:
        path.write_bytes(buffer.getvalue())
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror or error}", "Name another file") from error


def _draw(axes: Axes, panel: Panel) -> None:
    _draw_title(axes, panel)
    for span in panel.spans:
        _draw_span(axes, span, panel)
    if panel.band is not None and np.isfinite(panel.band.high).any():
        label = f"expected ({panel.band.window})" if panel.band.window else "expected"
        low, high = panel.band.low, panel.band.high
        times = _days(panel.band.times_ms)
        axes.fill_between(times, low, high, step="post", color=_BAND, alpha=0.45, linewidth=0, label=label, zorder=1.5)
        for edge in (low, high):
            axes.step(times, edge, where="post", color=_BLUE, alpha=0.3, linewidth=0.6, zorder=1.6)
    drawn = thinned(panel.line)
    marker = "o" if panel.dots or len(drawn) <= 60 else ""
    label = "reported" if panel.dots else "observed"
    line_style = "" if panel.dots else "-"
    axes.plot(
        _days(drawn.times_ms),
        drawn.values,
        color=_INK,
        linewidth=1.15 if len(drawn) < _DENSE else 0.75,
        linestyle=line_style,
        marker=marker,
        markersize=3,
        label=label,
        zorder=3,
    )
    _set_reach(axes, panel)
    _set_axes(axes, panel)


def _draw_title(axes: Axes, panel: Panel) -> None:
    wrapped = textwrap.fill(panel.sentence, _WRAP)
    lines = wrapped.count("\n") + 1 if wrapped else 0
    title = panel.title if len(panel.title) <= _MAX_TITLE else panel.title[: _MAX_TITLE - 1] + "…"
    axes.set_title(title, loc="left", fontsize=11.5, fontweight="bold", pad=8 + 13 * lines)
    if wrapped:
        axes.text(0, 1.025, wrapped, transform=axes.transAxes, fontsize=9, color=_GREY, va="bottom", linespacing=1.3)


def _draw_span(axes: Axes, span: Span, panel: Panel) -> None:
    """Start, peak and end."""
    newest_ms = int(panel.line.times_ms[-1]) if len(panel.line) else span.start_ms
    end_ms = max(newest_ms, span.start_ms) if span.end_ms is None else span.end_ms
    start, end = _days(span.start_ms), _days(end_ms)
    axes.axvspan(start, end, color=_RED_FILL, linewidth=0, zorder=0.5)
    axes.axvline(start, color=_RED, linewidth=1.1, linestyle=(0, (4, 2)), zorder=2)
    if span.end_ms is not None:
        axes.axvline(end, color=_RED, linewidth=1.1, linestyle=(0, (1, 2)), zorder=2)
    if len(panel.spans) == 1:
        _name(axes, start, "start", "right")
        if span.end_ms is not None and span.end_ms > span.start_ms:
            _name(axes, end, "end", "left")
    if span.peak_ms is not None and span.peak is not None:
        middle_ms = (span.start_ms + end_ms) / 2 if _is_wide(span.start_ms, end_ms, panel.line) else math.inf
        _draw_peak(axes, (span.peak_ms, span.peak), panel, middle_ms)


def _name(axes: Axes, at: float, text: str, side: str) -> None:
    shift = -4 if side == "right" else 4
    axes.annotate(
        text,
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(shift, -4),
        textcoords="offset points",
        ha=side,
        va="top",
        fontsize=8.5,
        color=_RED,
    )


def _is_wide(start_ms: int, end_ms: int, line: Line) -> bool:
    return len(line) > 1 and end_ms - start_ms > 0.15 * (int(line.times_ms[-1]) - int(line.times_ms[0]))


def _draw_peak(axes: Axes, peak: tuple[int, float], panel: Panel, middle_ms: float) -> None:
    """The worst value with its number, to its left where it lies in the right half of a wide episode."""
    at_ms, value = peak
    at = _days(at_ms)
    axes.plot([at], [value], marker="o", markersize=6, color=_RED, markeredgecolor="white", linestyle="", zorder=4)
    if len(panel.spans) == 1:
        is_high = value >= float(np.median(panel.line.values))
        is_late = at_ms > min(middle_ms, float(np.quantile(panel.line.times_ms, 0.85)))
        unit = "" if panel.unit in ("", "1") else f" {panel.unit}"
        axes.annotate(
            f"{'peak' if is_high else 'lowest'} {number_text(value)}{unit}",
            (at, value),
            xytext=(-6 if is_late else 6, 8 if is_high else -8),
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            color=_RED,
            ha="right" if is_late else "left",
            va="bottom" if is_high else "top",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
            zorder=5,
        )


def _set_reach(axes: Axes, panel: Panel) -> None:
    """From below the lowest value to above the highest, and as much of a wide band as leaves the values legible."""
    values = panel.line.values[np.isfinite(panel.line.values)]
    peaks = [span.peak for span in panel.spans if span.peak is not None]
    seen = np.concatenate([values, np.array(peaks)])
    if not len(seen):
        return
    low, high = float(seen.min()), float(seen.max())
    size = max(high - low, 1e-9 * max(abs(low), abs(high)), 1e-12)
    if panel.band is not None and np.isfinite(panel.band.high).any():
        low = min(low, max(float(np.nanmin(panel.band.low)), low - 1.5 * size))
        high = max(high, min(float(np.nanmax(panel.band.high)), high + 1.5 * size))
        size = high - low or size
    is_low = any(one < float(np.median(values)) for one in peaks) if len(values) else False
    bottom = low - (0.2 if is_low else 0.06) * size
    if low >= 0 and not is_low:
        bottom = max(bottom, -0.02 * size)
    axes.set_ylim(bottom, high + 0.2 * size)


def _set_axes(axes: Axes, panel: Panel) -> None:
    locator = AutoDateLocator(tz=UTC, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value, low, high)))
    axes.set_ylabel(panel.unit if panel.unit not in ("", "1") else "value")
    axes.grid(axis="y", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, fontsize=8.5, borderaxespad=0.2,
        handlelength=1.6, columnspacing=1.2,
    )  # fmt: skip


def tick_text(value: float, low: float, high: float) -> str:
    """A number at an axis from ``low`` to ``high``: as many digits as tell ticks apart, a prefix where it is large.

    Examples
    --------
    >>> tick_text(0.9995, 0.999, 1.0), tick_text(120.0, 0.0, 300.0), tick_text(2.2e10, 0.0, 3e10)
    ('0.9995', '120', '22G')
    """
    if value == 0.0:
        return "0"
    reach = max(abs(low), abs(high))
    size, letter = next(((size, letter) for size, letter in _PREFIXES if reach >= size), (1.0, ""))
    size = 1e3 if letter == "k" else size
    step = max((high - low) / 5.0 / size, 1e-12)
    decimals = min(12, max(0, math.ceil(-math.log10(step) - 1e-9)))
    return f"{value / size:.{decimals}f}{letter}"


def thinned(line: Line, most: int = _MAX_POINTS) -> Line:
    """A line with the first, the lowest and the highest of each stretch: no spike is lost.

    Examples
    --------
    >>> line = Line(np.arange(1000), np.where(np.arange(1000) == 501, 9.0, 0.0))
    >>> len(thinned(line, 30)), float(thinned(line, 30).values.max())
    (11, 9.0)
    """
    if len(line) <= most:
        return line
    edges = np.linspace(0, len(line), most // 3 + 1).astype(int)
    kept: list[int] = []
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = line.values[first:end]
        kept += sorted({first, first + int(stretch.argmin()), first + int(stretch.argmax())})
    places = np.array(kept)
    return Line(line.times_ms[places], line.values[places])


def _days(times_ms: Any) -> Any:
    """Times as Matplotlib counts them: days since 1970."""
    return times_ms / _DAY_MS
