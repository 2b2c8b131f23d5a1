"""Monday morning: a rise that comes every week, flagged or not, week by week; and one at the wrong time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.parts import Keys, on_all_cores
from benchmarks.planted.cases import CHUNK_SAMPLES
from benchmarks.planted.faults import STEP, lasting
from benchmarks.planted.feed import Word, feed, warm_up
from benchmarks.planted.intervals import wilson
from benchmarks.planted.plans import MONDAY, OFFICE
from benchmarks.planted.signals import DAY_MS, START_MS, Signal, random_of, record

INTERVAL_S = 60.0
WEEKS = 4
HOUR_MS = 3_600_000
BEGIN_MS, END_MS = 8 * HOUR_MS + HOUR_MS // 2, 11 * HOUR_MS + HOUR_MS // 2
"""From half an hour before the rise to half an hour after the shorter one's end."""
WRONG_MS = 20 * DAY_MS + 3 * HOUR_MS
"""The third Sunday, 03:00: the same rise, two hours long, where none ever was."""
QUIET_GOAL = 0.95
ROWS = {OFFICE.name: "09 to 17 h on working days", MONDAY.name: "09 to 11 h on Mondays only"}


def flagged(words: list[Word], begin_ms: int, end_ms: int, cases: int, sign: int = 0) -> int:
    """Series with an anomaly that started in a span since the first Monday."""
    return len(
        {
            one.case
            for one in words
            if one.case < cases
            and one.state == "start"
            and begin_ms <= one.at_ms - START_MS < end_ms
            and (not sign or one.sign == sign)
        }
    )


def words_of(seed: int, cases: int, signal: Signal) -> list[Word]:
    """Four weeks of each series."""
    days = 7.0 * (WEEKS - 1) + 1
    size = max(1, int(CHUNK_SAMPLES / (days * 86_400 / INTERVAL_S)))
    found: list[Word] = []
    for first in range(0, cases, size):
        last = min(cases, first + size)
        randoms = [random_of(signal.name, case, seed) for case in range(first, last)]
        recording = record(signal, INTERVAL_S, days, randoms)
        since_s = (recording.times_ms - START_MS - WRONG_MS) / 1000
        faulty = lasting(STEP, 7200.0).plant(recording, since_s, signal.level * signal.rise)
        found += [one._replace(case=one.case + first) for one in feed(faulty)]
    return found


def _quiet(hits: int, cases: int, what: str, goal: bool) -> Keys:
    share = wilson(cases - hits, cases)
    keys: Keys = {
        "row": "3.6",
        "what": what,
        "cases": cases,
        "quiet": share.value,
        "quiet_low": share.low,
        "quiet_high": share.high,
    }
    return keys | ({"goal": QUIET_GOAL, "met": int(share.value >= QUIET_GOAL)} if goal else {})


def keys_of(signal: Signal, words: list[Word], cases: int) -> Keys:
    """Each Monday that must be quiet, and the Sunday that must not."""
    found: Keys = {}
    for week in range(1, WEEKS + 1):
        start_ms = 7 * DAY_MS * (week - 1)
        hits = flagged(words, start_ms + BEGIN_MS, start_ms + END_MS, cases)
        keys = _quiet(hits, cases, f"Monday of week {week}, {ROWS[signal.name]}", week > 1)
        found |= {f"case_{signal.name}_week{week}_{name}": value for name, value in keys.items()}
    share = wilson(flagged(words, WRONG_MS, WRONG_MS + HOUR_MS, cases, 1), cases)
    sunday: Keys = {
        "row": "3.6",
        "what": f"the same rise on a Sunday, 03 h; {ROWS[signal.name]}",
        "cases": cases,
        "within_s": 3600.0,
        "found": share.value,
        "found_low": share.low,
        "found_high": share.high,
        "by_chance": flagged(words, WRONG_MS - HOUR_MS, WRONG_MS, cases, 1) / cases,
    }
    return found | {f"case_{signal.name}_sunday_{name}": value for name, value in sunday.items()}


def measure(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """Both weekly signals."""
    warm_up()
    signals = (OFFICE, MONDAY)
    for signal, words in zip(signals, on_all_cores(partial(words_of, seed, cases), signals), strict=True):
        yield f"weeks of {signal.name}", keys_of(signal, words, cases)
