"""Five windows judge one value: how far each one's observation lies outside what it expects."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.jit import kernel
from streams.layout import CENTER, DOWN, LEVEL_MS, UP, WINDOWS, Number, Row

_LEVEL_MS = np.array(LEVEL_MS, np.float64)
# Weight of the newest sample in the mean of the last few.
_FAST: Final = 0.3
MAX_SCORE: Final = 100.0
# Some samples count as no further away than so many times what 5m expects.
_GLITCH: Final = 1.5


@kernel
def observe(row: Row, gap_ms: float) -> None:
    """Move the levels towards the value; the weight of a gap ``g`` at time constant ``T`` is ``g / (g + T)``.

    They begin at the first value, be it a gauge's first sample or a counter's second.
    """
    value = row.value
    if row.seen < 2:
        row.seen = 2
        row.fast = value
        for i in range(len(_LEVEL_MS)):
            row.level[i] = value
        return
    near = value
    if row.base_ready[0]:
        near = max(row.base[0, CENTER] - _GLITCH * row.base[0, DOWN], near)
        near = min(row.base[0, CENTER] + _GLITCH * row.base[0, UP], near)
    # What witnesses a level forgets a far one soon; of a first odd sample levels take no more: a glitch is no level.
    row.fast += _FAST * (near - row.fast)
    if row.evidence <= 0.0:
        value = near
    for i in range(len(_LEVEL_MS)):
        weight = gap_ms / (gap_ms + _LEVEL_MS[i])
        row.level[i] += weight * (value - row.level[i])


@kernel
def _deviation(level: float, witness: float, center: float) -> Number:
    """How far a level lies from the center, no further than the witness does: what is over is over at once."""
    away = level - center
    seen = witness - center
    if away > 0.0:
        return max(0.0, min(away, seen))
    return min(0.0, max(away, seen))


@kernel
def judge(row: Row, scores: Any) -> Number:
    """Fill each window's signed score (0 where it does not speak yet); returns the windows that speak as bits."""
    ready = 0
    for window in range(WINDOWS):
        scores[window] = 0.0
        if row.base_ready[window] == 0:
            continue
        ready |= 1 << window
        center = row.base[window, CENTER]
        if window == 0:
            away = row.value - center
        else:
            away = _deviation(row.level[window - 1], row.value if window == 1 else row.fast, center)
        reach = row.base[window, UP] if away > 0.0 else row.base[window, DOWN]
        scores[window] = max(-MAX_SCORE, min(MAX_SCORE, away / reach))
    return ready


@kernel
def lead_of(scores: Any) -> Number:
    """The window with the largest score."""
    lead = 0
    for window in range(1, WINDOWS):
        if abs(scores[window]) > abs(scores[lead]):
            lead = window
    return lead


@kernel
def farthest(scores: Any, direction: int) -> Number:
    """The largest score in a direction; 0 where all lie on the other side."""
    most = 0.0
    for window in range(WINDOWS):
        most = max(most, direction * scores[window])
    return most


@kernel
def agreeing(scores: Any, direction: int) -> Number:
    """The windows that call the value anomalous in a direction, as bits."""
    bits = 0
    for window in range(WINDOWS):
        if direction * scores[window] > 1.0:
            bits |= 1 << window
    return bits
