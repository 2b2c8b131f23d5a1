"""A sample at the door: is it new, late, a repeat; and what is its value once counters are rates."""

from __future__ import annotations

from typing import Final

import numpy as np

from streams.jit import kernel
from streams.layout import COUNTER, GAUGE, STAMPS, Number, Row

(
    ACCEPTED,
    ACCEPTED_LATE,
    DUPLICATE,
    TOO_LATE,
    LATE,
    OUT_OF_ORDER,
    NOT_FINITE,
    COUNTER_RESETS,
    COUNTER_WRAPS,
    NO_RATE_YET,
    OVER_LIMIT,
    BAD_TIME,
    IN_MAINTENANCE,
) = range(13)
COUNT_NAMES: Final = (
    "accepted",
    "accepted_late",
    "duplicate",
    "too_late",
    "late",
    "out_of_order",
    "not_finite",
    "counter_resets",
    "counter_wraps",
    "no_rate_yet",
    "over_limit",
    "bad_time",
    "in_maintenance",
)
"""What can become of a sample, in the order of the codes above."""

MAX_VALUE: Final = 1e100
"""A value beyond this counts as not finite: its square must fit a float with room to spare."""
WRAP_32: Final = 4294967296.0
_SPAN_MS: Final = 4_000_000_000  # offsets of timestamps are kept as uint32


@kernel
def stale_limit(row: Row, params: Row) -> Number:
    """How long a series may be silent before it counts as stopped, in ms."""
    return np.int64(max(params.stale_ms, params.stale_intervals * row.interval_ms))


@kernel
def heard_at(row: Row, time_ms: int, frontier_ms: int, params: Row) -> Number:
    """The stage's time at a sample that is older by more than a silence would be; 0 for others."""
    return frontier_ms if frontier_ms - time_ms > stale_limit(row, params) else 0


@kernel
def silence_of(row: Row, now_ms: int) -> Number:
    """For how long a series has said nothing.

    One whose samples are older than those of its neighbours (a recording that is sent late, a clock that is slow) is
    not silent while they come: what counts is how far the stage has come since.
    """
    return now_ms - max(row.newest_ms, row.heard_ms)


@kernel
def note_interval(row: Row, gap_ms: int) -> None:
    """Move a series' own interval towards a gap; a single long one hardly counts, a slower producer soon does."""
    if row.interval_ms <= 0.0:
        row.interval_ms = float(gap_ms)
    elif gap_ms > 0:
        row.interval_ms += 0.1 * (min(float(gap_ms), 3.0 * row.interval_ms) - row.interval_ms)


@kernel
def _rebase(row: Row, time_ms: int) -> None:
    """Move the origin of a series' timestamps so that ``time_ms`` can be written."""
    base = time_ms - _SPAN_MS // 2
    shift = base - row.stamp_base_ms
    for i in range(row.stamp_count):
        at = (row.stamp_head + i) % STAMPS
        row.stamps[at] = np.uint32(max(np.int64(0), np.int64(row.stamps[at]) - shift))
    row.stamp_base_ms = base


@kernel
def _insert_late(row: Row, offset: int) -> None:
    """Put a late timestamp in its place; the oldest goes when the ring is full."""
    count = np.int64(row.stamp_count)
    if count == STAMPS:
        row.stamp_head = (row.stamp_head + 1) % STAMPS
        count -= 1
    i = count
    while i > 0 and np.int64(row.stamps[(row.stamp_head + i - 1) % STAMPS]) > offset:
        row.stamps[(row.stamp_head + i) % STAMPS] = row.stamps[(row.stamp_head + i - 1) % STAMPS]
        i -= 1
    row.stamps[(row.stamp_head + i) % STAMPS] = np.uint32(offset)
    row.stamp_count = count + 1


@kernel
def _admit_late(row: Row, time_ms: int, params: Row) -> Number:
    """What a timestamp at or before the newest one is; remembers it if it is of use."""
    offset = time_ms - row.stamp_base_ms
    count = np.int64(row.stamp_count)
    for i in range(count):
        if np.int64(row.stamps[i]) == offset:
            return DUPLICATE
    if count == STAMPS and offset < np.int64(row.stamps[row.stamp_head]):
        return TOO_LATE
    if row.kind != GAUGE:
        return OUT_OF_ORDER
    if row.newest_ms - time_ms > params.late_ms or offset <= 0:
        return LATE
    _insert_late(row, offset)
    return ACCEPTED_LATE


@kernel
def admit(row: Row, time_ms: int, params: Row) -> Number:
    """Remember a timestamp and say what it is: ACCEPTED, ACCEPTED_LATE, or why it is dropped."""
    if row.stamp_count > 0 and time_ms <= row.newest_ms:
        return _admit_late(row, time_ms, params)
    if row.stamp_count == 0 or time_ms - row.stamp_base_ms > _SPAN_MS:
        _rebase(row, time_ms)
    row.stamps[(row.stamp_head + row.stamp_count) % STAMPS] = np.uint32(time_ms - row.stamp_base_ms)
    if row.stamp_count == STAMPS:
        row.stamp_head = (row.stamp_head + 1) % STAMPS
    else:
        row.stamp_count += 1
    return ACCEPTED


@kernel
def _increase(row: Row, raw: float, seconds: float, counts: Row) -> Number:
    """How much a counter grew; a drop is a reset to zero, or a 32-bit wrap if the rate stays plausible."""
    grown = raw - row.raw
    if grown >= 0.0:
        return grown
    wrapped = grown + WRAP_32
    near_top = row.raw <= WRAP_32 and row.raw > 0.75 * WRAP_32 and raw < 0.25 * WRAP_32
    if near_top and wrapped / seconds <= 4.0 * max(row.fast, row.value) + 1.0:
        counts[COUNTER_WRAPS] += 1
        return wrapped
    counts[COUNTER_RESETS] += 1
    return max(raw, 0.0)


@kernel
def value_of(row: Row, raw: float, time_ms: int, counts: Row) -> Number:
    """The value to judge: a gauge's own, a counter's or delta's rate per second (NaN where there is none yet).

    Called before ``newest_ms`` moves on.
    """
    if row.kind == GAUGE:
        row.weight = 1.0
        return raw
    seconds = (time_ms - row.newest_ms) / 1000.0
    if row.seen == 0:
        row.seen = 1
        row.raw = raw
        counts[NO_RATE_YET] += 1
        return np.nan
    if row.kind == COUNTER:
        grown = _increase(row, raw, seconds, counts)
        row.raw = raw
        row.weight = seconds
        return grown / seconds
    # After a gap a delta still covers one interval only.
    interval_s = row.interval_ms / 1000.0
    row.weight = interval_s if 0.0 < interval_s < seconds / 3.0 else seconds
    return raw / row.weight
