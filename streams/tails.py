"""How far a series' levels go when nothing is wrong: peaks over a threshold, of a day's stretches of some hours.

Source: Pickands, Statistical inference using extreme order statistics (1975), for the exponential tail.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.jit import kernel
from streams.layout import PEAK_HOURS, PEAKS, Number, Row

_STRETCH_MS: Final = PEAK_HOURS * 3_600_000
_LEVELS: Final = 3
_USUAL: Final = 3
"""Row of ``tail`` for distances from what is usual."""
_TOP: Final = 4
"""Stretches that make a tail."""
# By how many mean excesses what comes once a week lies above the least of them.
_ONCE_A_WEEK: Final = float(np.log((_TOP - 1) * 7.0))
_DAYS: Final = 7
# The range of settled limits grows or shrinks by a fifth in a day at the most, half of it on each side.
_HOURLY: Final = 0.5 * (1.2 ** (1.0 / 24.0) - 1.0)
_SETTLED_MS: Final = 2 * 86_400_000
_LITTLE: Final = 1e-9
# Single precision holds no more.
_MOST: Final = 1e37

TAIL_SCRATCH: Final[list[tuple[str, str, tuple[int, ...]]]] = [("top", "f8", (_TOP,))]
"""What tails need of a work record."""


@kernel
def _begin(row: Row, stretch: int) -> None:
    """Forget what lies a day back, up to the stretch that begins; a day that ended leaves its extremes."""
    if stretch // PEAKS != row.stretch // PEAKS and row.stretch > 0:
        _keep_day(row, row.stretch // PEAKS % _DAYS)
    for gone in range(max(row.stretch, stretch - PEAKS) + 1, stretch + 1):
        row.reached[:, 0, gone % PEAKS] = np.inf
        row.reached[:, 1, gone % PEAKS] = -np.inf
        row.beyond[:, gone % PEAKS] = 0.0
    row.stretch = stretch


@kernel
def _keep_day(row: Row, day: int) -> None:
    """Keep the extremes of the stretches at hand as a day's."""
    for level in range(_LEVELS):
        row.days[level, 0, day] = np.inf
        row.days[level, 1, day] = -np.inf
        for at in range(PEAKS):
            row.days[level, 0, day] = min(row.days[level, 0, day], row.reached[level, 0, at])
            row.days[level, 1, day] = max(row.days[level, 1, day], row.reached[level, 1, at])
    for side in range(2):
        row.days[_USUAL, side, day] = 0.0
        for at in range(PEAKS):
            row.days[_USUAL, side, day] = max(row.days[_USUAL, side, day], row.beyond[side, at])


@kernel
def note_levels(row: Row, time_ms: int, since_ms: int) -> None:
    """Once a minute: what the levels have reached; what an episode that began at ``since_ms`` reaches is one stretch's.

    Where nothing is wrong, ``since_ms`` is the time itself.
    """
    stretch = time_ms // _STRETCH_MS
    if row.stretch != stretch:
        _begin(row, stretch)
    at = max(since_ms // _STRETCH_MS, stretch - PEAKS + 1) % PEAKS
    for level in range(_LEVELS):
        if abs(row.level[level]) < _MOST:
            row.reached[level, 0, at] = min(row.reached[level, 0, at], row.level[level])
            row.reached[level, 1, at] = max(row.reached[level, 1, at], row.level[level])


@kernel
def note_beyond(row: Row, hour: int, below: float, above: float) -> None:
    """Once an hour: how far below and above what was usual it went."""
    at = hour // PEAK_HOURS % PEAKS
    if hour // PEAK_HOURS > row.stretch - PEAKS:
        row.beyond[0, at] = max(row.beyond[0, at], below)
        row.beyond[1, at] = max(row.beyond[1, at], above)


@kernel
def _set_top(values: Any, sign: float, top: Any) -> None:
    """The highest few values, the highest first; -inf where there are no more."""
    top[:] = -np.inf
    for value in values:
        signed = sign * value
        for at in range(_TOP):
            if signed > top[at]:
                for lower in range(_TOP - 1, at, -1):
                    top[lower] = top[lower - 1]
                top[at] = signed
                break


@kernel
def _climbs(peaks: Any, newest: int, sign: float) -> Number:
    """Whether each stretch went further than the one before, nearly: where a level is going is no limit to it."""
    more = 0
    for back in range(1, PEAKS):
        older, newer = peaks[(newest - back) % PEAKS], peaks[(newest - back + 1) % PEAKS]
        if sign * newer > sign * older:
            more += 1
    return more >= PEAKS - 2


@kernel
def _tail_of(peaks: Any, newest: int, sign: float, work: Row) -> Number:
    """What is reached once a week, by the highest of a day's stretches; -inf where too few are known.

    The fourth highest, and an exponential tail as long as the second and third are above it. The highest does not
    count, and the second no further than the third goes on: two incidents move no limit far.
    """
    top = work.top
    _set_top(peaks, sign, top)
    threshold = top[_TOP - 1]
    if threshold == -np.inf or _climbs(peaks, newest, sign):
        return -np.inf
    second = min(top[1], 2.0 * top[2] - threshold + _LITTLE * abs(threshold))
    return threshold + _ONCE_A_WEEK * (0.5 * (second + top[2]) - threshold)


@kernel
def _third_of(days: Any, sign: float, work: Row) -> Number:
    """What was reached on three of the last seven days."""
    _set_top(days, sign, work.top)
    return work.top[2]


@kernel
def _towards(old: float, new: float, width: float, free: bool) -> Number:
    """A limit's next value: it moves by a fifth of its range in a day at the most, once it is settled.

    What three days of a week have reached counts at once, all the same.
    """
    if free or not (np.isfinite(old) and np.isfinite(new) and np.isfinite(width)):
        return new
    most = _HOURLY * width
    return min(max(new, old - most), old + most)


@kernel
def refresh_tails(row: Row, work: Row) -> None:
    """Make the tails anew, once an hour."""
    newest = row.stretch % PEAKS
    free = row.newest_ms - max(row.first_ms, row.since_ms) < _SETTLED_MS
    for level in range(_LEVELS):
        often = _third_of(row.days[level, 0], -1.0, work)
        low = max(_tail_of(row.reached[level, 0], newest, -1.0, work), often)
        least, most = np.float64(row.tail[level, 0]), np.float64(row.tail[level, 1])
        row.tail[level, 0] = min(-often, _towards(least, -low, most - least, free))
        often = _third_of(row.days[level, 1], 1.0, work)
        high = max(_tail_of(row.reached[level, 1], newest, 1.0, work), often)
        row.tail[level, 1] = max(often, _towards(most, high, most - least, free))
    for side in range(2):
        often = _third_of(row.days[_USUAL, side], 1.0, work)
        far = max(_tail_of(row.beyond[side], newest, 1.0, work), often)
        old = np.float64(row.tail[_USUAL, side])
        row.tail[_USUAL, side] = max(often, _towards(old, max(0.0, far), 2.0 * old, free or old == 0.0))


@kernel
def forget_tails(row: Row) -> None:
    """What levels reached before an accepted shift says nothing of the new one."""
    row.reached[:, 0], row.reached[:, 1] = np.inf, -np.inf
    row.tail[:_LEVELS, 0], row.tail[:_LEVELS, 1] = np.inf, -np.inf
    row.tail[_USUAL] = 0.0
    row.beyond[:] = 0.0


@kernel
def forget_tails_since(row: Row, since_ms: int) -> None:
    """What levels reached from a time on says nothing; limits are learned anew, days before it count."""
    forget_tails(row)
    for day in range(since_ms // _STRETCH_MS // PEAKS, row.stretch // PEAKS):
        row.days[:_LEVELS, 0, day % _DAYS] = np.inf
        row.days[:_LEVELS, 1, day % _DAYS] = -np.inf
        row.days[_USUAL, :, day % _DAYS] = 0.0
