"""What the walk may write down about every sample, for readers who want each row judged."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.episodes import OPEN
from streams.jit import kernel
from streams.layout import CENTER, DOWN, UP, WINDOWS, Array, Row

SKIPPED, LEARNING, NORMAL, ANOMALOUS = range(4)
VERDICTS: Final = ("skipped", "learning", "normal", "anomalous")
"""What is said of a sample: it was not judged (a repeat, too late, no number), no window speaks yet, or its verdict."""

TRACE: Final = np.dtype(
    [("value", "f8"), ("score", "f8"), ("low", "f8"), ("high", "f8"), ("verdict", "u1")], align=True
)
"""A judged sample: its value (a counter's is its rate), score, the range that the finest window expected, verdict."""

NO_TRACE: Final[Array] = np.zeros(0, TRACE)


def make_trace(rows: int) -> Array:
    """Room for so many rows, all of them skipped so far.

    Examples
    --------
    >>> make_trace(1)["verdict"].tolist(), make_trace(1)["low"].tolist()
    ([0], [nan])
    """
    trace = np.zeros(rows, TRACE)
    trace["low"] = trace["high"] = np.nan
    return trace


@kernel
def note(row: Row, told: Any) -> None:
    """Write down what the series' newest value was found to be."""
    told.verdict = LEARNING
    told.value = row.value
    told.score = row.score
    for window in range(WINDOWS):
        if row.base_ready[window]:
            told.low = row.base[window, CENTER] - row.base[window, DOWN]
            told.high = row.base[window, CENTER] + row.base[window, UP]
            told.verdict = NORMAL
            break
    if row.state == OPEN:
        told.verdict = ANOMALOUS
