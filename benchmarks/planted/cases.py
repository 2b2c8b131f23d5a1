"""Plans carried out: how many cases are found, how soon, and how many would have been by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.parts import Keys, on_all_cores
from benchmarks.planted.feed import Word, feed, warm_up
from benchmarks.planted.intervals import median, wilson
from benchmarks.planted.plans import Plan
from benchmarks.planted.signals import DAY_MS, START_MS, Floats, Recording, Times, random_of, record

CHUNK_SAMPLES = 3_000_000
"""Series go through together, as many as make so many samples."""
_STOP_TICK_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a plan's cases.

    Parameters
    ----------
    delay_s
        Shape ``[cases]``: from the first faulty sample to the first anomaly's start; NaN where there was none.
    by_chance
        Shape ``[cases]``: whether one started in as long a time before the onset.
    early
        Anomalies of any direction before the onset, in all.
    early_days
        The days in which they did.
    """

    delay_s: Floats
    by_chance: Floats
    early: int
    early_days: float


def prepared(plan: Plan, seed: int, first: int, last: int) -> tuple[Recording, Times]:
    """Some of a plan's cases with their faults, and the time of each one's first faulty sample."""
    randoms = [random_of(plan.key, case, seed) for case in range(first, last)]
    days = plan.history_days + 1 + plan.watched_s * 1000 / DAY_MS
    quiet = record(plan.signal, plan.interval_s, days, randoms)
    earliest = int(plan.history_days * DAY_MS / (plan.interval_s * 1000))
    spans = int(DAY_MS / (plan.interval_s * 1000))
    at = np.array([int(random.integers(earliest, earliest + spans)) for random in randoms])
    onset_ms = quiet.times_ms[np.arange(len(at)), at]
    since_s = (quiet.times_ms - onset_ms[:, None]) / 1000
    return plan.fault.plant(quiet, since_s, plan.size), onset_ms


def judged(words: Sequence[Word], onset_ms: Times, plan: Plan) -> Outcome:
    """Starts, held against the onsets."""
    count = len(onset_ms)
    delay_s, by_chance, early = np.full(count, np.nan), np.zeros(count), 0
    for word in words:
        if word.state != "start":
            continue
        after_s = (word.at_ms - int(onset_ms[word.case])) / 1000
        early += after_s < 0
        if plan.fault.direction and word.sign != plan.fault.direction:
            continue
        if 0 <= after_s <= plan.watched_s and np.isnan(delay_s[word.case]):
            delay_s[word.case] = after_s
        if -plan.within_s - plan.interval_s <= after_s < 0:
            by_chance[word.case] = 1
    return Outcome(delay_s, by_chance, early, float((onset_ms - START_MS).sum() / DAY_MS))


def outcome(plan: Plan, seed: int, cases: int) -> Outcome:
    """All of a plan's cases."""
    a_series = (plan.history_days + 1) * 86_400 / plan.interval_s
    size = max(1, min(cases, int(CHUNK_SAMPLES / a_series)))
    tick_s = _STOP_TICK_S if plan.key == "stop" else 3600.0
    parts = []
    for first in range(0, cases, size):
        recording, onset_ms = prepared(plan, seed, first, min(cases, first + size))
        parts.append(judged(feed(recording, tick_s), onset_ms, plan))
    return Outcome(
        np.concatenate([one.delay_s for one in parts]),
        np.concatenate([one.by_chance for one in parts]),
        sum(one.early for one in parts),
        sum(one.early_days for one in parts),
    )


def keys_of(plan: Plan, found: Outcome) -> Keys:
    """Flat, as the package's docstring has them."""
    count = len(found.delay_s)
    share = wilson(int((found.delay_s <= plan.within_s).sum()), count)
    middle = median(found.delay_s)
    keys: Keys = {
        "row": plan.row,
        "what": plan.what,
        "cases": count,
        "within_s": plan.within_s,
        "watched_s": plan.watched_s,
        "found": share.value,
        "found_low": share.low,
        "found_high": share.high,
        "found_ever": float(np.isfinite(found.delay_s).mean()),
        "by_chance": float(found.by_chance.mean()),
        "false_per_series_day": found.early / found.early_days,
    }
    if plan.goal is not None:
        keys |= {"goal": plan.goal, "met": int(share.value >= plan.goal)}
    delays = {"delay_s": middle.value, "delay_s_low": middle.low, "delay_s_high": middle.high}
    return keys | {name: value for name, value in delays.items() if np.isfinite(value)}


def _keys(seed: int, cases: int, plan: Plan) -> Keys:
    return keys_of(plan, outcome(plan, seed, cases))


def measure(plans: Sequence[Plan], seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """One plan after the other: what it is, and its keys."""
    warm_up()
    for plan, keys in zip(plans, on_all_cores(partial(_keys, seed, cases), plans), strict=True):
        yield plan.key, {f"case_{plan.key}_{name}": value for name, value in keys.items()}
