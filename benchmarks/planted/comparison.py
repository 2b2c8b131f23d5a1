"""Every program on the same series with the same planted faults: what each finds, and what that costs in alarms."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.parts import Keys, on_all_cores
from benchmarks.planted.faults import DROP, RAMP, STEP, WIDEN, Fault, lasting
from benchmarks.planted.feed import warm_up
from benchmarks.planted.intervals import wilson
from benchmarks.planted.peers import LEARN_S, PEERS, Peer
from benchmarks.planted.plans import COUNTS, DAILY, GAUGE, OFFICE, SKEWED, STICKY, TAILED
from benchmarks.planted.signals import DAY_S, START_MS, Floats, Signal, Times, random_of, record

SIGNALS = (GAUGE, DAILY, OFFICE, SKEWED, TAILED, COUNTS, STICKY)
SERIES_EACH = 6
"""At 300 cases."""
WHOLE = 300
DAYS, INTERVAL_S = 10.0, 60.0
QUIET_S = 2.0 * DAY_S
"""Before the first fault; then one in every twelve hours, in their first half."""
EVERY_S = 43_200.0
# Fault and size: in sigma, or as a factor for the last.
FAULTS: tuple[tuple[Fault, float], ...] = (
    (lasting(STEP, 300.0, "spike"), 8.0),
    (lasting(DROP, 900.0, "drop"), -4.0),
    (lasting(STEP, 7200.0, "shift"), 3.0),
    (lasting(RAMP, 14_400.0, "ramp"), 1.0),
    (lasting(WIDEN, 3600.0, "widen"), 4.0),
)
QUIET_AFTER_MS = 30 * 60_000
"""An alarm is new after so long without a score above the limit."""
AFTERMATH_MS = 30 * 60_000
"""What starts so soon after a fault is no false alarm."""
LIMITS = np.geomspace(0.1, 10.0, 60)


@dataclass(frozen=True, slots=True)
class Episode:
    """A planted fault."""

    fault: str
    begin_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A series with its faults."""

    signal: Signal
    times_ms: Times
    values: Floats
    episodes: Sequence[Episode]


def subject(signal: Signal, case: int, seed: int) -> Subject:
    """One of the series."""
    random = random_of(f"compare {signal.name}", case, seed)
    recording = record(signal, INTERVAL_S, DAYS, [random])
    times_ms = recording.times_ms[0]
    episodes = []
    for number in range(int((DAYS * DAY_S - QUIET_S) / EVERY_S)):
        fault, size = FAULTS[(number + case) % len(FAULTS)]
        onset_s = QUIET_S + EVERY_S * number + float(random.uniform(0, EVERY_S / 2))
        onset_ms = int(times_ms[int(onset_s / INTERVAL_S)])
        since_s = (recording.times_ms - onset_ms) / 1000
        recording = fault.plant(recording, since_s, size if fault.name == "widen" else size * signal.sigma)
        episodes.append(Episode(fault.name, onset_ms, onset_ms + int(fault.lasts_s * 1000)))
    return Subject(signal, times_ms, recording.values[0], episodes)


def alarms(scores: Floats, times_ms: Times, limit: float = 1.0) -> Times:
    """When an alarm starts: above the limit, and not so for half an hour before."""
    above = times_ms[scores > limit]
    fresh = np.diff(above, prepend=above[:1] - QUIET_AFTER_MS - 1) > QUIET_AFTER_MS
    return above[fresh]


@dataclass(frozen=True, slots=True)
class Tally:
    """Faults with the delay until an alarm, in seconds (NaN where none came); and the false alarms."""

    delays: Sequence[tuple[str, float]]
    false: int

    @property
    def found(self) -> int:
        """Faults that were."""
        return int(np.isfinite([delay for _, delay in self.delays]).sum())


def tally(subjects: Sequence[Subject], scores: Sequence[Floats], limit: float = 1.0) -> Tally:
    """One program's alarms on all series, held against the planted faults."""
    delays: list[tuple[str, float]] = []
    false = 0
    for one, own in zip(subjects, scores, strict=True):
        started = alarms(own, one.times_ms, limit)
        started = started[started - START_MS >= LEARN_S * 1000]
        wrong = np.ones(len(started), bool)
        for episode in one.episodes:
            inside = started[(started >= episode.begin_ms) & (started < episode.end_ms)]
            delays.append((episode.fault, (int(inside[0]) - episode.begin_ms) / 1000 if len(inside) else np.nan))
            wrong &= (started < episode.begin_ms) | (started >= episode.end_ms + AFTERMATH_MS)
        false += int(wrong.sum())
    return Tally(delays, false)


def false_at(subjects: Sequence[Subject], scores: Sequence[Floats], least: int) -> int | None:
    """The fewest false alarms at any limit that finds so many faults."""
    tallies = [tally(subjects, scores, float(limit)) for limit in LIMITS]
    return min((one.false for one in tallies if one.found >= least), default=None)


def keys_of(found: Tally, series_days: float) -> Keys:
    """A program's numbers but for its speed."""
    share = wilson(found.found, len(found.delays))
    keys: Keys = {
        "recall": share.value,
        "recall_low": share.low,
        "recall_high": share.high,
        "precision": found.found / max(1, found.found + found.false),
        "false_per_series_day": found.false / series_days,
    }
    delays = [delay for _, delay in found.delays if np.isfinite(delay)]
    if delays:
        keys["delay_s"] = float(np.median(delays))
    for fault, _ in FAULTS:
        all_of_it = [delay for name, delay in found.delays if name == fault.name]
        its_found = [delay for delay in all_of_it if np.isfinite(delay)]
        keys[f"recall_{fault.name}"] = len(its_found) / len(all_of_it)
        if its_found:
            keys[f"delay_s_{fault.name}"] = float(np.median(its_found))
    return keys


def scored(subjects: Sequence[Subject], peer: Peer) -> tuple[list[Floats], float]:
    """A program's scores of all series, and its CPU time a sample in µs; what it compiles is not timed."""
    first = subjects[0]
    peer.score(first.signal, first.times_ms[:2000], first.values[:2000])
    begin_s = time.process_time()
    scores = [peer.score(one.signal, one.times_ms, one.values) for one in subjects]
    spent_s = time.process_time() - begin_s
    return scores, 1e6 * spent_s / sum(len(one.values) for one in subjects)


def measure(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """One program after the other; the first is the one that the others are given limits to match."""
    warm_up()
    each = max(1, SERIES_EACH * cases // WHOLE)
    subjects = [subject(signal, case, seed) for signal in SIGNALS for case in range(each)]
    series_days = len(subjects) * (DAYS - LEARN_S / DAY_S)
    ours: Tally | None = None
    for peer, (scores, us_per_sample) in zip(PEERS, on_all_cores(partial(scored, subjects), PEERS), strict=True):
        found = tally(subjects, scores)
        keys = keys_of(found, series_days) | {"us_per_sample": us_per_sample}
        if ours is None:
            ours = found
        elif (false := false_at(subjects, scores, ours.found)) is not None:
            keys["false_at_our_recall"] = false / series_days
            keys["ours_fewer"] = 1.0 - ours.false / max(1, false)
        prefix = f"peer_{peer.name}"
        yield prefix, {f"{prefix}_{name}": value for name, value in keys.items()}
    yield "peers", {"peer_series": len(subjects), "peer_faults": sum(len(one.episodes) for one in subjects)}
