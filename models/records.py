"""How far a stream leaves everything that it showed before.

Each component is a causal series made of the stream: the value, the median of the last few, what the last few agree
on, the distance from the band of the last two and of the last seven days at this time of day. A component is news only
beyond its own extremes over its memory, and by a margin in units of its range there. What was seen once is known.
After an alarm only much bigger surprises count for a while. A score above 1 is an anomaly.

Extremes and profiles are kept in single precision, as distances from an origin that moves when the stream has left it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from streams.jit import entry_point, kernel, source_digest
from streams.layout import Array, Number, Row

COMPONENTS: Final = 5
VALUE, MEDIAN, LASTING, DAY, WEEK = range(COMPONENTS)
"""The last two have a memory of their own length."""
BLOCKS: Final = 10
"""Blocks that a memory consists of; the oldest is forgotten as a whole."""
DAYS, DAY_BINS = 2, 72
WEEK_DAYS, WEEK_BINS = 7, 24
DAY_MS: Final = 86_400_000
LAST: Final = 5
"""Values that ``MEDIAN`` is of; the newest but one agree on ``LASTING``."""
MEANS: Final = 2
ALARM: Final = 1.0
ROUNDING: Final = 1.2e-7
FURTHEST: Final = 3e38
FAR: Final = 1000.0
"""So many ranges from the origin, another origin is taken."""
HIGHEST: Final = 1000.0
"""The score's bound: after a constant, any change is infinitely far."""

SEASONAL, SLOW, VALUE_MARGIN, LASTING_MARGIN, SEASON_MARGIN = range(5)
MARGIN_OF: Final = (VALUE_MARGIN, LASTING_MARGIN, LASTING_MARGIN, SEASON_MARGIN, SEASON_MARGIN)
"""Which margin a component has, by its place among the settings."""
MEMORY, MEMORY_SHARE, SEASONAL_SHARE, LEARN, REST, REST_SHARE, REST_DAYS, LOUDER = range(5, 13)
WARM, GRACE_DAYS, LONGEST, LONGEST_DAYS = range(13, 17)

STATE = np.dtype(
    [
        ("rows", np.int64),
        ("life", np.int64),  # rows, until the stream counts as long
        ("first_ms", np.int64),
        ("origin", np.float64),  # values are kept as distances from it
        ("last", np.float64, (LAST,)),  # newest first
        ("means", np.float64, (MEANS,)),  # exponentially weighted sums ...
        ("weights", np.float64, (MEANS,)),  # ... of weights
        ("bin", np.int64, (2,)),  # the day's and the week's running bin, since the epoch
        ("bin_sum", np.float64, (2,)),
        ("bin_rows", np.int32, (2,)),
        ("fresh", np.int32),  # rows whose extremes are not learned yet
        ("block", np.int32, (2,)),  # which is being filled: of the plain components, of the seasonal ones
        ("left", np.int32, (2,)),  # rows until it is full
        ("level", np.float32),  # of the alarm that silences
        ("quiet_rows", np.int64),  # until then
        ("quiet_ms", np.int64),
        ("fresh_high", np.float32, (COMPONENTS,)),
        ("fresh_low", np.float32, (COMPONENTS,)),
        ("top", np.float32, (COMPONENTS,)),  # extremes over the memory
        ("bottom", np.float32, (COMPONENTS,)),
        ("high", np.float32, (COMPONENTS, BLOCKS)),
        ("low", np.float32, (COMPONENTS, BLOCKS)),
        ("day", np.float32, (DAYS, DAY_BINS)),
        ("week", np.float32, (WEEK_DAYS, WEEK_BINS)),
    ]
)


@kernel
def _median(last: Any) -> Number:
    """Of five."""
    a, b, c, d = min(last[0], last[1]), max(last[0], last[1]), min(last[2], last[3]), max(last[2], last[3])
    low, high = max(a, c), min(b, d)
    return max(min(low, high), min(max(low, high), last[4]))


@kernel
def _agreed(last: Any, slow: float) -> Number:
    """What all of the newest but one exceed, or fall short of, the slow mean by."""
    least, most = last[0], last[0]
    for k in range(1, LAST - 1):
        least, most = min(least, last[k]), max(most, last[k])
    return max(least - slow, 0.0) + min(most - slow, 0.0)


@kernel
def _season(s: Row, which: int, table: Any, time_ms: int, mean: float) -> Number:
    """How far the mean is outside what the last days had at this time; it joins them as its bin ends."""
    days, bins = table.shape
    at = time_ms // (DAY_MS // bins)
    if at > s.bin[which]:
        _close_day_bin(s, which, table, at)
    s.bin_sum[which] += mean
    s.bin_rows[which] += 1
    high, low = -np.inf, np.inf
    for d in range(days):
        known = table[d, at % bins]
        high = max(high, known)
        low = min(low, known)
    if high < low:
        return mean
    return max(mean - high, 0.0) + min(mean - low, 0.0)


@kernel
def _forget(s: Row, group: int, first: int, behind: int, length: float) -> None:
    """A new block takes the oldest one's place; the extremes are those of the others."""
    s.block[group] = (s.block[group] + 1) % BLOCKS
    s.left[group] = max(1, int(length) // BLOCKS)
    for c in range(first, behind):
        s.high[c, s.block[group]] = -np.inf
        s.low[c, s.block[group]] = np.inf
        s.top[c] = s.high[c].max()
        s.bottom[c] = s.low[c].min()
        if c == VALUE:
            s.top[c], s.bottom[c] = max(s.top[c], s.fresh_high[c]), min(s.bottom[c], s.fresh_low[c])


@kernel
def _rebase(s: Row, by: float) -> None:
    """Distances from an origin that the stream has left for good would lose their digits: another is taken."""
    s.origin += by
    s.last[:] -= by
    s.day[:, :] -= by
    s.week[:, :] -= by
    for m in range(MEANS):
        s.means[m] -= by * s.weights[m]
    for b in range(2):
        s.bin_sum[b] -= by * s.bin_rows[b]
    for c in (VALUE, MEDIAN):
        s.fresh_high[c] -= by
        s.fresh_low[c] -= by
        s.top[c] -= by
        s.bottom[c] -= by
        s.high[c, :] -= by
        s.low[c, :] -= by


@kernel
def _learn(s: Row) -> None:
    """Take what was seen since the last time into the memory."""
    s.fresh = 0
    for c in range(COMPONENTS):
        k = s.block[0 if c < DAY else 1]
        s.high[c, k] = max(s.high[c, k], s.fresh_high[c])
        s.low[c, k] = min(s.low[c, k], s.fresh_low[c])
        s.top[c] = max(s.top[c], s.fresh_high[c])
        s.bottom[c] = min(s.bottom[c], s.fresh_low[c])
        s.fresh_high[c] = -np.inf
        s.fresh_low[c] = np.inf


@kernel
def _surprise(s: Row, f: Any, value: float, p: Any) -> Number:
    """The components' greatest exceedance, in margins."""
    greatest = 0.0
    for c in range(COMPONENTS):
        if s.top[c] >= s.bottom[c]:
            rounding = ROUNDING * max(abs(s.top[c]), abs(s.bottom[c]))
            beyond = max(f[c] - s.top[c], s.bottom[c] - f[c]) - rounding
            unit = max(s.top[c] - s.bottom[c], 0.01 * (s.top[VALUE] - s.bottom[VALUE]), 1e-9 * abs(value) + 1e-12)
            greatest = max(greatest, beyond / (unit * p[MARGIN_OF[c]]))
        s.fresh_high[c] = max(s.fresh_high[c], f[c])
        s.fresh_low[c] = min(s.fresh_low[c], f[c])
    s.top[VALUE] = max(s.top[VALUE], f[VALUE])
    s.bottom[VALUE] = min(s.bottom[VALUE], f[VALUE])
    return greatest


@kernel
def _close_day_bin(s: Row, which: int, table: Any, at: int) -> None:
    """The running bin ended: its mean joins the days before it; a gap of more than two hours stays one."""
    days, bins = table.shape
    if s.bin_rows[which]:
        ended = np.float32(s.bin_sum[which] / s.bin_rows[which])
        behind = at if at - s.bin[which] <= bins // 12 else s.bin[which] + 1
        for one in range(s.bin[which], behind):
            for d in range(days - 1, 0, -1):
                table[d, one % bins] = table[d - 1, one % bins]
            table[0, one % bins] = ended
    s.bin[which] = at
    s.bin_sum[which] = 0.0
    s.bin_rows[which] = 0


@kernel
def _age(s: Row, time_ms: int, value: float, p: Any) -> Number:
    """Count a row and turn over the memory's blocks that are due; returns the stream's age in ms."""
    if s.rows == 0:
        s.origin = value
        s.first_ms = time_ms
    s.rows += 1
    age_ms = time_ms - s.first_ms
    if s.life < p[LONGEST] or age_ms < p[LONGEST_DAYS] * DAY_MS:
        s.life += 1
    if s.left[0] <= 0:
        _forget(s, 0, 0, DAY, max(p[MEMORY], p[MEMORY_SHARE] * s.life))
        if min(abs(s.top[VALUE]), abs(s.bottom[VALUE])) > FAR * (s.top[VALUE] - s.bottom[VALUE]):
            _rebase(s, s.last[0])
    if s.left[1] <= 0:
        _forget(s, 1, DAY, COMPONENTS, max(p[MEMORY], p[SEASONAL_SHARE] * s.life))
    s.left[0] -= 1
    s.left[1] -= 1
    return age_ms


@kernel
def _components(s: Row, time_ms: int, value: float, p: Any) -> Any:
    """The newest row's components."""
    x = min(max(value - s.origin, -FURTHEST), FURTHEST)
    for k in range(LAST - 1, 0, -1):
        s.last[k] = s.last[k - 1]
    s.last[0] = x
    for m in range(MEANS):
        keep = 2.0 ** (-1.0 / p[m])
        s.means[m] = keep * s.means[m] + (1.0 - keep) * x
        s.weights[m] = keep * s.weights[m] + (1.0 - keep)
    seasonal, slow = s.means[0] / s.weights[0], s.means[1] / s.weights[1]
    day = _season(s, 0, s.day, time_ms, seasonal)
    week = _season(s, 1, s.week, time_ms, seasonal)
    return x, _median(s.last), _agreed(s.last, slow), day, week


@kernel
def _rest(s: Row, time_ms: int, surprise: float, p: Any) -> Number:
    """The score: after an alarm only a much bigger surprise has one."""
    if s.rows > s.quiet_rows or time_ms > s.quiet_ms:
        s.level = 0.0
    score = min(surprise, HIGHEST)
    if s.level > 0.0 and score <= p[LOUDER] * s.level:
        return 0.0
    if score > ALARM:
        s.level = score
        s.quiet_rows = s.rows + int(max(p[REST], p[REST_SHARE] * s.life))
        s.quiet_ms = time_ms + int(p[REST_DAYS] * DAY_MS)
    return score


@kernel
def _step(s: Row, time_ms: int, value: float, p: Any) -> Number:
    """Score a row, then learn it; what is no number scores 0 and changes nothing."""
    if not np.isfinite(value):
        return 0.0
    age_ms = _age(s, time_ms, value, p)
    surprise = _surprise(s, _components(s, time_ms, value, p), value, p)
    surprise /= 1.0 + p[WARM] / s.rows + (p[GRACE_DAYS] * DAY_MS / age_ms if age_ms > 0 else 0.0)
    s.fresh += 1
    if s.fresh >= p[LEARN] or surprise > ALARM:
        _learn(s)
    return 0.0 if s.rows <= p[WARM] else max(0.0, _rest(s, time_ms, surprise, p))


def _build(digest: int) -> Callable[[Array, Array, Array, Array, Array], int]:
    @entry_point
    def run(state: Array, times_ms: Array, values: Array, p: Array, scores: Array) -> int:
        """Score and learn rows one after the other; returns how many."""
        if digest == 0:
            return -1
        row: Any = state[0]
        for at in range(len(values)):
            scores[at] = _step(row, times_ms[at], values[at], p)
        return len(values)

    return run


run_records: Final = _build(source_digest(__file__))


def make_state() -> Array:
    """A stream of which nothing is known: ``STATE [1]``."""
    state = np.zeros(1, STATE)
    for name, value in (("fresh_high", -np.inf), ("top", -np.inf), ("high", -np.inf)):
        state[name] = value
    for name, value in (("fresh_low", np.inf), ("bottom", np.inf), ("low", np.inf), ("day", np.nan), ("week", np.nan)):
        state[name] = value
    return state
