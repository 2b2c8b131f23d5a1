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
from slo.counting import adding, layout, links, missing, rings
from slo.counting.adding import add_sample
from slo.counting.layout import (
    AHEAD,
    CONTEXT,
    COUNTER,
    DELTA,
    LATE,
    MISSED_FOR_MS,
    NO_LINK,
    PART_BAD,
    RECEIVED,
    REPEATED,
    SENT,
    TAKEN,
    TOO_LATE,
    VALUE,
)
from slo.counting.links import add_use_at, add_uses
from slo.counting.missing import come_after_all
from slo.counting.rings import find, growth, insert, known_before, make_room, place, rate_before, step_of
from streams import intake
from streams.intake import MAX_VALUE, note_interval
from streams.jit import entry_point, kernel, source_digest
from streams.layout import Number

LEAST_STALE_MS: Final = 15_000
_STALE_INTERVALS: Final = 2.5
DONE, AT_HORIZON, NEEDS_ROOM, AT_LEAP, REFUSED = range(5)
"""Why counting came back; that a sample was refused is no reason."""
LEAP: Final = 64
"""So many samples in a row from far ahead may mean that time has leapt."""


@kernel
def _takes(entry: Any, slo: Any, time_ms: int) -> Number:
    """Whether the slice that a sample counts in still takes counts."""
    counted_ms = time_ms - (entry.op < VALUE and entry.amount == 0)
    return counted_ms >= (slo.top - slo.late_rows) * slo.slice_ms and slo.since_ms <= counted_ms < slo.until_ms


@kernel
def _may_count(watch: Any, time_ms: int, books: Any) -> Number:
    """Whether any objective still takes a sample; those of a link's other sides are the receiving side's."""
    watches, entries, slos = books[0], books[1], books[2]
    counting = watches[watch.received] if watch.link > RECEIVED and watch.received >= 0 else watch
    for at in range(counting.entries, counting.entries + counting.entry_count):
        if _takes(entries[at], slos[entries[at].slo], time_ms):
            return True
    return counting.entry_count == 0


@kernel
def _add_at(watch: Any, position: int, sign: float, own_ms: int, rings: Any, books: Any) -> Number:
    """What a sample adds to every objective that takes the sample for which all this is done; whether all do."""
    here = place(watch, position)
    sample = rings[0][here], rings[1][here]
    grown = growth(watch, position, rings)
    taken = True
    for at in range(watch.entries, watch.entries + watch.entry_count):
        entry = books[1][at]
        slo = books[2][entry.slo]
        taken = _takes(entry, slo, own_ms) and add_sample(entry, slo, sample, grown, sign, books[3]) and taken
    if watch.link in (RECEIVED, SENT):
        add_use_at(watch, position, sign, rings, books)
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
def _until(watch: Any, time_ms: int) -> Number:
    """When a series should have come again."""
    return time_ms + np.int64(max(float(LEAST_STALE_MS), _STALE_INTERVALS * watch.interval_ms))


@kernel
def _live(entry: Any, slo: Any, time_ms: int, until_ms: int) -> None:
    """An objective is measured from now on, until the series that says so should have come again."""
    if entry.op > PART_BAD:
        slo.born_ms = min(slo.born_ms, time_ms)
        slo.alive_ms = max(slo.alive_ms, until_ms)


@kernel
def _recount(watch: Any, position: Number, time_ms: int, value: float, rings: Any, books: Any) -> Number:
    """Take back what a sample's neighbours count for, put it in, and count all of them again."""
    reach = _reach(watch, position, rings[1])
    for at in range(position, reach):
        _add_at(watch, at, -1.0, time_ms, rings, books)
    if watch.link > SENT:
        add_uses(watch, position, time_ms, -1.0, rings, books)
    insert(watch, position, time_ms, value, rings)
    taken = _add_at(watch, position, 1.0, time_ms, rings, books)
    for at in range(position + 1, reach + 1):
        _add_at(watch, at, 1.0, time_ms, rings, books)
    if watch.link > SENT:
        add_uses(watch, position, time_ms, 1.0, rings, books)
    return taken


@kernel
def _remember(watch: Any, rings: Any) -> None:
    """What the next sample in order must know of those before it."""
    last = known_before(watch, watch.count, rings[1])
    watch.newest_ms = rings[0][place(watch, watch.count - 1)]
    if last < 0:
        return
    watch.known_ms = rings[0][place(watch, last)]
    watch.known = rings[1][place(watch, last)]
    watch.rate = rate_before(watch, last, rings)


@kernel
def _refusal(watch: Any, position: Number, time_ms: int, times: Any, books: Any) -> Number:
    """Why a sample is left out of its ring; ``TAKEN`` if it is not."""
    if position == watch.count:
        return TAKEN
    if times[place(watch, position)] == time_ms:
        return REPEATED
    if watch.evicted and position < CONTEXT:
        return TOO_LATE
    return TAKEN if _may_count(watch, time_ms, books) else LATE


@kernel
def _come(watch: Any, time_ms: int, value: float, books: Any) -> None:
    """The newest sample of a series came: its interval, and what is measured by it."""
    if watch.newest_ms > 0:
        note_interval(watch, time_ms - watch.newest_ms)
    until_ms = _until(watch, time_ms)
    for at in range(watch.entries, watch.entries + watch.entry_count if not np.isnan(value) else 0):
        _live(books[1][at], books[2][books[1][at].slo], time_ms, until_ms)


@kernel
def _take_any(watch: Any, sample: Any, late_ms: int, rings: Any, books: Any, counts: Any) -> Number:
    """One sample of a watched series, in any order; False if its ring must grow first."""
    time_ms, value = sample
    refusal = _refusal(watch, find(watch, time_ms, rings[0]), time_ms, rings[0], books)
    if refusal != TAKEN:
        counts[refusal] += 1
        return True
    if not make_room(watch, late_ms, rings[0]):
        return False
    position = find(watch, time_ms, rings[0])
    if position == watch.count:
        _come(watch, time_ms, value, books)
    counts[TAKEN if _recount(watch, position, time_ms, value, rings, books) else LATE] += 1
    for at in range(watch.entries, watch.entries + watch.entry_count):
        come_after_all(watch, books[1][at], books[2][books[1][at].slo], time_ms)
    _remember(watch, rings)
    return True


@kernel
def _grown_since(watch: Any, time_ms: int, value: float) -> Number:
    """How much a counter grew up to a sample that is the next one; NaN where that is not known."""
    if watch.kind == DELTA or np.isnan(value):
        return max(value, 0.0)
    if watch.known_ms == 0:
        return np.nan
    passed_ms = time_ms - watch.known_ms
    grown = step_of(watch.known, value, passed_ms / 1000.0, watch.rate)
    watch.rate = max(0.0, value - watch.known) * 1000.0 / passed_ms
    if passed_ms > MISSED_FOR_MS:
        return np.nan
    return grown


@kernel
def _append(watch: Any, time_ms: int, value: float, times: Any, values: Any) -> None:
    """Put the next sample behind the others; there is room."""
    here = place(watch, watch.count)
    times[here] = time_ms
    values[here] = value
    watch.count += 1
    if watch.newest_ms > 0:
        note_interval(watch, time_ms - watch.newest_ms)
    watch.newest_ms = time_ms
    if not np.isnan(value):
        watch.known_ms = time_ms
        watch.known = value


@kernel
def _take_next(watch: Any, sample: Any, entries: Any, slos: Any, spent: Any, counts: Any) -> None:
    """What the next sample of a series adds; it is in its ring already."""
    time_ms, value = sample
    grown = watch.grown
    until_ms = _until(watch, time_ms)
    taken = True
    for at in range(watch.entries, watch.entries + watch.entry_count):
        entry = entries[at]
        slo = slos[entry.slo]
        if not np.isnan(value):
            _live(entry, slo, time_ms, until_ms)
        taken = add_sample(entry, slo, sample, grown, 1.0, spent) and taken
        if time_ms < watch.missed_until_ms:
            come_after_all(watch, entry, slo, time_ms)
    counts[TAKEN if taken else LATE] += 1


@kernel
def _comes_next(watch: Any, time_ms: int, late_ms: int, ring_ms: Any) -> Number:
    """Whether a sample is newer than all before it, and has room; sides of links look at each other anyway."""
    return watch.link == NO_LINK and time_ms > watch.newest_ms and make_room(watch, late_ms, ring_ms)


@kernel
def _usable(value: float) -> Number:
    """A sample's value; NaN where it is no number that can be counted with."""
    return value if abs(value) <= MAX_VALUE else np.nan


@kernel
def _hear(node: int, time_ms: int, value: float, heard_ms: Any) -> None:
    if node >= 0 and not np.isnan(value):
        heard_ms[node] = max(heard_ms[node], time_ms)


@kernel
def _note(log: Any, state: Any, watch: int, time_ms: int, value: float, came: int) -> None:
    """Write a sample down that came into its ring; there is a place to write on in any case."""
    at = state[2]
    log[0][at] = watch
    log[1][at] = time_ms
    log[2][at] = value
    state[2] = at + came


@kernel
def _reason(state: Any, at: int, time_ms: int, limits: Any, counts: Any) -> Number:
    """Why a sample is not counted now: time has to move first, or it is from the future; ``DONE`` if it is."""
    if time_ms <= limits[2]:
        state[4] = 0
        return AT_HORIZON if time_ms >= limits[0] else DONE
    if state[4] >= LEAP:
        return AT_LEAP
    if state[3] < 0:
        state[3] = at
    state[4] += 1
    counts[AHEAD] += 1
    return REFUSED


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
            The time at which something else is to be done first, how late a sample may be, and beyond which time one
            is refused, unless nothing else comes.
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
        ring_ms, ring_values = samples
        watches, entries, slos, spent = books
        log, counts, state = notes
        for i in range(start, len(times)):
            slot = places[series[i]]
            if slot < 0 or times[i] <= 0 or times[i] >= MAX_TIME_MS or digest == 0:
                continue
            value = _usable(values[i])
            reason = _reason(state, i, times[i], limits, counts)
            if reason in (AT_HORIZON, AT_LEAP):
                state[0] = reason
                return i
            _hear(node_of[slot], times[i], value, heard_ms)
            at = watch_of[slot]
            if at < 0 or reason == REFUSED:
                continue
            watch = watches[at]
            taken = counts[TAKEN] + counts[LATE]
            if _comes_next(watch, times[i], limits[1], ring_ms):
                watch.grown = _grown_since(watch, times[i], value)
                _append(watch, times[i], value, ring_ms, ring_values)
                _take_next(watch, (times[i], value), entries, slos, spent, counts)
            elif not _take_any(watch, (times[i], value), limits[1], samples, books, counts):
                state[0] = NEEDS_ROOM
                state[1] = at
                return i
            _note(log, state, at, times[i], value, counts[TAKEN] + counts[LATE] - taken)
        state[0] = DONE
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
                note_interval(watch, time_ms - watch.newest_ms)
            insert(watch, position, time_ms, log[2][i], samples)
            _remember(watch, samples)

    return refill


CountAgain = Callable[[Any, Any], None]


@kernel
def _count_entry(watch: Any, entry: Any, slo: Any, samples: Any, spent: Any) -> None:
    """Count all samples of a ring for one objective."""
    for position in range(watch.count):
        here = place(watch, position)
        sample = samples[0][here], samples[1][here]
        if add_sample(entry, slo, sample, growth(watch, position, samples), 1.0, spent) and not np.isnan(sample[1]):
            _live(entry, slo, sample[0], _until(watch, sample[0]))


def _build_again(digest: int) -> CountAgain:
    @entry_point
    def count_again(late: Any, kept: Any) -> None:
        """Count what is in rings for objectives that are heard of after the time from which they count."""
        samples, books = kept
        watches, entries, slos, spent = books
        for number in range(len(watches) if digest else 0):
            watch = watches[number]
            for at in range(watch.entries, watch.entries + watch.entry_count):
                if late[entries[at].slo]:
                    _count_entry(watch, entries[at], slos[entries[at].slo], samples, spent)

    return count_again


_FILES = [str(Path(str(module.__file__))) for module in (adding, layout, links, missing, rings, intake)]
_DIGEST: Final = source_digest(__file__, *_FILES)
count: Final = _build(_DIGEST)
refill: Final = _build_refill(_DIGEST)
count_again: Final = _build_again(_DIGEST)
