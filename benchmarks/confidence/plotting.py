"""The reliability diagram: what was said against what held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.planted.intervals import wilson

_SHOWN: Final = {"planted_start": ("planted series", "#2b6cb0"), "nab_start": ("NAB", "#c05621")}


def draw(tables: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw the tables that there are, with 95 % intervals; the same bytes for the same numbers."""
    figure = Figure(figsize=(5.6, 5.0), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="as it should be")
    for name, (label, color) in _SHOWN.items():
        if name not in tables:
            continue
        rows = tables[name]["reliability"]
        ends = [wilson(round(row["real"] * row["count"]), row["count"]) for row in rows]
        axes.errorbar(
            [row["said"] for row in rows],
            [row["real"] for row in rows],
            yerr=[
                [row["real"] - end.low for row, end in zip(rows, ends, strict=True)],
                [end.high - row["real"] for row, end in zip(rows, ends, strict=True)],
            ],
            color=color,
            marker="o",
            markersize=4,
            capsize=2,
            linewidth=1,
            label=f"{label}: {tables[name]['count']} anomalies, error {tables[name]['ece']:.2f}",
        )
    axes.set(xlabel="confidence, cross-fitted", ylabel="share that was real", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left", frameon=False)
    with mpl.rc_context({"svg.hashsalt": "confidence"}):
        figure.savefig(path, metadata={"Date": None})
