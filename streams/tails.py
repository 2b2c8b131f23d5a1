"""How far a series' levels go when nothing is wrong: peaks over a threshold, of a day's stretches of some hours.

Source: Pickands, Statistical inference using extreme order statistics (1975), for the exponential tail.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.jit import kernel
from streams.layout import PEAK_HOURS, PEAKS, Number, Row

_HOUR_MS: Final = 3_600_000
_LEVELS: Final = 3
_USUAL: Final = 3
"""Row of ``tail`` for distances from what is usual."""
_TOP: Final = 4
"""Stretches that make a tail."""
# By how many mean excesses what comes once a week lies above the least of them.
_ONCE_A_WEEK: Final = float(np.log((_TOP - 1) * 7.0))

TAIL_SCRATCH: Final[list[tuple[str, str, tuple[int, ...]]]] = [("top", "f8", (_TOP,))]
"""What tails need of a work record."""


@kernel
def _begin(row: Row, stretch: int) -> None:
    """Forget what lies a day back, up to the stretch that begins."""
    for gone in range(max(row.stretch, stretch - PEAKS) + 1, stretch + 1):
        row.reached[:, 0, gone % PEAKS] = np.inf
        row.reached[:, 1, gone % PEAKS] = -np.inf
        row.beyond[:, gone % PEAKS] = 0.0
    row.stretch = stretch


@kernel
def note_levels(row: Row, time_ms: int) -> None:
    """Once a minute: what the levels have reached."""
    stretch = time_ms // (PEAK_HOURS * _HOUR_MS)
    if row.stretch != stretch:
        _begin(row, stretch)
    at = stretch % PEAKS
    for level in range(_LEVELS):
        row.reached[level, 0, at] = min(row.reached[level, 0, at], row.level[level, 0])
        row.reached[level, 1, at] = max(row.reached[level, 1, at], row.level[level, 0])


@kernel
def note_beyond(row: Row, hour: int, below: float, above: float) -> None:
    """Once an hour: how far below and above what was usual it went."""
    at = hour // PEAK_HOURS % PEAKS
    if hour // PEAK_HOURS > row.stretch - PEAKS:
        row.beyond[0, at] = max(row.beyond[0, at], below)
        row.beyond[1, at] = max(row.beyond[1, at], above)


@kernel
def _tail_of(peaks: Any, sign: float, work: Row) -> Number:
    """What is reached once a week, by the highest of a day's stretches; -inf where too few are known.

    The fourth highest, and an exponential tail as long as the second and third are above it. The highest does not
    count: one incident moves no limit.
    """
    top = work.top
    top[:] = -np.inf
    for value in peaks:
        signed = sign * value
        for at in range(_TOP):
            if signed > top[at]:
                for lower in range(_TOP - 1, at, -1):
                    top[lower] = top[lower - 1]
                top[at] = signed
                break
    threshold = top[_TOP - 1]
    if threshold == -np.inf:
        return threshold
    return threshold + _ONCE_A_WEEK * (0.5 * (top[1] + top[2]) - threshold)


@kernel
def refresh_tails(row: Row, work: Row) -> None:
    """Make the tails anew."""
    for level in range(_LEVELS):
        row.tail[level, 0] = -_tail_of(row.reached[level, 0], -1.0, work)
        row.tail[level, 1] = _tail_of(row.reached[level, 1], 1.0, work)
    row.tail[_USUAL, 0] = _tail_of(row.beyond[0], 1.0, work)
    row.tail[_USUAL, 1] = _tail_of(row.beyond[1], 1.0, work)


@kernel
def forget_tails(row: Row) -> None:
    """What levels reached before an accepted shift says nothing of the new one."""
    row.reached[:, 0], row.reached[:, 1] = np.inf, -np.inf
    row.tail[:, 0], row.tail[:, 1] = np.inf, -np.inf
    row.beyond[:] = 0.0
