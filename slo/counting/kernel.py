"""Counting, compiled: a sample enters its series' ring, and what it and its neighbours count for is made anew.

A counter's growth at a sample depends on the samples before it, so one that comes late changes what its successors
counted. What those counted is taken back, the sample is put in its place, and all of it is counted again. So the
counts are a function of the set of samples, whatever their order.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.walk import MAX_TIME_MS
from slo.counting import layout, rings
from slo.counting.layout import (
    AT_MOST,
    CONTEXT,
    COUNTER,
    LATE,
    LESS,
    LINK,
    MORE,
    PART_BAD,
    PART_GOOD,
    RECEIVED,
    REPEATED,
    ROWS,
    SENT,
    SPENT_ROWS,
    TAKEN,
    TO_SAVE,
    TO_TELL,
    TOO_LATE,
    TOTAL_OF_GOOD,
    VALUE,
)
from slo.counting.rings import find, growth, insert, make_room, place, rate
from streams import intake
from streams.intake import MAX_VALUE, note_interval
from streams.jit import entry_point, kernel, source_digest
from streams.layout import Number

LEAST_STALE_MS: Final = 15_000
_STALE_INTERVALS: Final = 2.5
DONE, AT_HORIZON, NEEDS_ROOM = range(3)
"""Why counting came back."""


@kernel
def _compares(value: float, entry: Any) -> Number:
    if entry.compare == LESS:
        return bool(value < entry.value)
    if entry.compare == AT_MOST:
        return bool(value <= entry.value)
    if entry.compare == MORE:
        return bool(value > entry.value)
    return bool(value >= entry.value)


@kernel
def _add(entry: Any, time_ms: int, counts: Any, books: Any) -> Number:
    """Add to the slice of a time; whether that slice still takes counts."""
    _, _, slos, cells, spent, touched = books
    bad, total, unknown = counts
    slo = slos[entry.slo]
    row = time_ms // slo.slice_ms
    if row < slo.top - slo.late_rows or time_ms < slo.since_ms or time_ms >= slo.until_ms:
        return False
    at = row % ROWS
    cells[entry.slo, at, 0] += bad
    cells[entry.slo, at, 1] += total
    cells[entry.slo, at, 2] += unknown
    touched[entry.slo, at] = TO_TELL | TO_SAVE
    if row < slo.closed:
        slo.late = 1
    if bad != 0.0 and row > slo.top - SPENT_ROWS:
        spent[entry.pair, row % SPENT_ROWS] += bad
    return True


@kernel
def _add_amount(watch: Any, position: Number, entry: Any, sign: float, rings: Any, books: Any) -> Number:
    """What a counter, or an amount, adds."""
    time_ms = rings[0][place(watch, position)]
    amount = rings[1][place(watch, position)]
    if entry.amount == 0:
        amount = growth(watch, position, rings)
        time_ms -= 1  # it grew before its sample
    elif amount < 0.0:
        amount = 0.0
    if np.isnan(amount):
        return True
    amount *= sign
    if entry.op == PART_GOOD:
        return _add(entry, time_ms, (-amount, 0.0, 0.0), books)
    if entry.op == PART_BAD:
        return _add(entry, time_ms, (amount, 0.0, 0.0), books)
    if entry.op == TOTAL_OF_GOOD:
        return _add(entry, time_ms, (amount, amount, 0.0), books)
    return _add(entry, time_ms, (0.0, amount, 0.0), books)


@kernel
def _add_value(value: float, time_ms: int, entry: Any, sign: float, books: Any) -> Number:
    """What a sample adds that is compared."""
    if np.isnan(value):
        return _add(entry, time_ms, (0.0, 0.0, sign), books)
    return _add(entry, time_ms, (0.0 if _compares(value, entry) else sign, sign, 0.0), books)


@kernel
def _speed_at(watch: Any, time_ms: int, rings: Any) -> Number:
    """A link's speed at a time: the last that was told, or the first; NaN where there is none."""
    if watch.count == 0:
        return np.nan
    position = find(watch, time_ms + 1, rings[0]) - 1
    speed = rings[1][place(watch, max(position, 0))]
    return speed if speed > 0.0 else np.nan


@kernel
def _add_use(received: Any, position: Number, sign: float, rings: Any, books: Any) -> None:
    """What one sample of a link's use adds, where both directions were told at one time."""
    watches, entries = books[0], books[1]
    if received.sent < 0 or (received.evicted and position < CONTEXT):
        return
    time_ms = rings[0][place(received, position)]
    sent = watches[received.sent]
    other = find(sent, time_ms, rings[0])
    if other >= sent.count or rings[0][place(sent, other)] != time_ms or (sent.evicted and other < CONTEXT):
        return
    used = max(rate(received, position, rings), rate(sent, other, rings))
    if np.isnan(used):
        return
    speed = np.nan
    if received.speed >= 0:
        speed = _speed_at(watches[received.speed], time_ms, rings)
    for at in range(received.entries, received.entries + received.entry_count):
        if entries[at].op == LINK:
            _add_value(used / speed, time_ms, entries[at], sign, books)


@kernel
def _add_use_at(watch: Any, position: Number, sign: float, rings: Any, books: Any) -> None:
    """The same, of a sample of either direction."""
    if watch.link == RECEIVED:
        _add_use(watch, position, sign, rings, books)
    elif watch.received >= 0:
        received = books[0][watch.received]
        time_ms = rings[0][place(watch, position)]
        other = find(received, time_ms, rings[0])
        if other < received.count and rings[0][place(received, other)] == time_ms:
            _add_use(received, other, sign, rings, books)


@kernel
def _add_uses(speed: Any, position: Number, time_ms: int, sign: float, rings: Any, books: Any) -> None:
    """The same, of all samples that a told speed governs: from its time to that of the next."""
    if speed.received < 0:
        return
    received = books[0][speed.received]
    first: Number = 0 if position == 0 else find(received, time_ms, rings[0])
    last: Number = np.int64(received.count)
    following = position if sign < 0.0 else position + 1
    if following < speed.count:
        last = find(received, rings[0][place(speed, following)], rings[0])
    for at in range(first, last):
        _add_use(received, at, sign, rings, books)


@kernel
def _add_at(watch: Any, position: Number, sign: float, rings: Any, books: Any) -> Number:
    """What a sample adds to every objective that it counts for; whether all of them took it."""
    entries = books[1]
    taken = True
    for at in range(watch.entries, watch.entries + watch.entry_count):
        entry = entries[at]
        if entry.op == VALUE:
            here = place(watch, position)
            taken = _add_value(rings[1][here], rings[0][here], entry, sign, books) and taken
        elif entry.op != LINK:
            taken = _add_amount(watch, position, entry, sign, rings, books) and taken
    if watch.link in (RECEIVED, SENT):
        _add_use_at(watch, position, sign, rings, books)
    return taken


@kernel
def _reach(watch: Any, position: Number, values: Any) -> Number:
    """Up to which position samples count by what lies before them, and so by what comes to a position."""
    if watch.kind != COUNTER:
        return position
    at: Number = position
    known: Number = 0
    while at < watch.count and known < 2:
        known += not np.isnan(values[place(watch, at)])
        at += 1
    return at


@kernel
def _live(watch: Any, time_ms: int, books: Any) -> None:
    """The objectives that a series counts all events of are measured from now on, until it should have come again."""
    entries, slos = books[1], books[2]
    until_ms = time_ms + np.int64(max(float(LEAST_STALE_MS), _STALE_INTERVALS * watch.interval_ms))
    for at in range(watch.entries, watch.entries + watch.entry_count):
        if entries[at].op > PART_BAD:
            slo = slos[entries[at].slo]
            slo.born_ms = min(slo.born_ms, time_ms)
            slo.alive_ms = max(slo.alive_ms, until_ms)


@kernel
def _recount(watch: Any, position: Number, time_ms: int, value: float, rings: Any, books: Any) -> Number:
    """Take back what a sample's neighbours count for, put it in, and count all of them again."""
    reach = _reach(watch, position, rings[1])
    for at in range(position, reach):
        _add_at(watch, at, -1.0, rings, books)
    if watch.link > SENT:
        _add_uses(watch, position, time_ms, -1.0, rings, books)
    insert(watch, position, time_ms, value, rings)
    taken = _add_at(watch, position, 1.0, rings, books)
    for at in range(position + 1, reach + 1):
        _add_at(watch, at, 1.0, rings, books)
    if watch.link > SENT:
        _add_uses(watch, position, time_ms, 1.0, rings, books)
    return taken


@kernel
def take(watch: Any, sample: Any, late_ms: int, rings: Any, books: Any, counts: Any) -> Number:
    """One sample of a watched series; False if its ring must grow first."""
    time_ms, value = sample
    position = find(watch, time_ms, rings[0])
    if position < watch.count and rings[0][place(watch, position)] == time_ms:
        counts[REPEATED] += 1
        return True
    if watch.evicted and position < CONTEXT:
        counts[TOO_LATE] += 1
        return True
    if not make_room(watch, late_ms, rings[0]):
        return False
    position = find(watch, time_ms, rings[0])
    if position == watch.count:
        if position > 0:
            note_interval(watch, time_ms - rings[0][place(watch, position - 1)])
        if not np.isnan(value):
            _live(watch, time_ms, books)
    counts[TAKEN if _recount(watch, position, time_ms, value, rings, books) else LATE] += 1
    return True


@kernel
def _usable(value: float) -> Number:
    """A sample's value; NaN where it is no number that can be counted with."""
    return value if abs(value) <= MAX_VALUE else np.nan


@kernel
def _hear(node: int, time_ms: int, value: float, heard_ms: Any) -> None:
    if node >= 0 and not np.isnan(value):
        heard_ms[node] = max(heard_ms[node], time_ms)


@kernel
def _note(notes: Any, taken: int, watch: int, time_ms: int, value: float) -> None:
    """Write a sample down that came into its ring."""
    log, counts, state = notes
    if counts[TAKEN] + counts[LATE] > taken:
        log[0][state[2]] = watch
        log[1][state[2]] = time_ms
        log[2][state[2]] = value
        state[2] += 1


Count = Callable[[Any, int, Any, Any, Any, Any], int]
Refill = Callable[[Any, int, Any, Any], None]


def _build(digest: int) -> Count:
    @entry_point
    def count(batch: Any, start: int, limits: Any, who: Any, kept: Any, notes: Any) -> int:
        """Count rows from ``start`` on; returns the first that was not counted, and says why in ``notes``.

        Parameters
        ----------
        batch
            Slots of the batch's series, and of each row the series' position, time and value.
        limits
            The time at which something else is to be done first, and how late a sample may be.
        who
            The watch of each slot, the node of each slot, and when each node was last heard of.
        kept
            Rings and books.
        notes
            What came into a ring, what became of samples, and why it came back.
        """
        places, series, times, values = batch
        watch_of, node_of, heard_ms = who
        samples, books = kept
        for i in range(start, len(times)):
            slot = places[series[i]]
            if slot < 0 or times[i] <= 0 or times[i] >= MAX_TIME_MS or digest == 0:
                continue
            if times[i] >= limits[0]:
                notes[2][0] = AT_HORIZON
                return i
            value = _usable(values[i])
            _hear(node_of[slot], times[i], value, heard_ms)
            at = watch_of[slot]
            if at < 0:
                continue
            taken = notes[1][TAKEN] + notes[1][LATE]
            if not take(books[0][at], (times[i], value), limits[1], samples, books, notes[1]):
                notes[2][0] = NEEDS_ROOM
                notes[2][1] = at
                return i
            _note(notes, taken, at, times[i], value)
        notes[2][0] = DONE
        return len(times)

    return count


def _build_refill(digest: int) -> Refill:
    @entry_point
    def refill(log: Any, late_ms: int, watches: Any, samples: Any) -> None:
        """Put samples that were counted before back into their rings, which have room."""
        for i in range(len(log[0]) if digest else 0):
            watch, time_ms = watches[log[0][i]], log[1][i]
            make_room(watch, late_ms, samples[0])
            position = find(watch, time_ms, samples[0])
            if position == watch.count and position > 0:
                note_interval(watch, time_ms - samples[0][place(watch, position - 1)])
            insert(watch, position, time_ms, log[2][i], samples)

    return refill


_FILES = [str(Path(str(module.__file__))) for module in (layout, rings, intake)]
_DIGEST: Final = source_digest(__file__, *_FILES)
count: Final = _build(_DIGEST)
refill: Final = _build_refill(_DIGEST)
