"""Run it: ``python -m benchmarks.months [PART...] [--cases N] [--seed N] [--results FILE]``.

Series with a daily cycle and quieter weekends, most of them with a day of the month on which a load comes on top;
through the detect stage as it ships, and (``..._without``) through one that never knows a day of the month. With some
parts only, or another seed, nothing is written unless a file is named. ``months_KIND_...``:

- ``mase``, of a year, a sample every 15 minutes: mean error of what was usual, of hours, up to six hours ahead, from
  the third such day on, over that of the same hour a week before; ``mase_day``: on those days only.
- ``quiet``, with the 95 % Wilson interval ``quiet_low``, ``quiet_high``: share of such days, from the third on, on
  which (and until two hours after which) no anomaly starts; ``days``: how many there are.
- ``fault_day``, ``fault_ordinary``, with intervals, of half a year, a sample a minute: share of faults found within an
  hour, of the size of the load and two hours long, within the load of the third and the fifth such day, and some days
  later; ``faults``: how many there are of each.
- ``absent``: share of loads that do not come, in the fifth month, and that is told; ``absents``: how many there are.
- ``false_per_year``: anomalies a series and year, of those that have no such day.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.parts import Benchmark, Keys
from benchmarks.planted.feed import TENANT
from benchmarks.planted.intervals import wilson
from benchmarks.planted.plans import BURSTS, GAUGE, OFFICE, STICKY, TAILED
from benchmarks.planted.signals import DAY_MS, START_MS, Floats, Times, random_of, record
from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch
from schemas.series import Series
from streams.jit import kernel
from streams.layout import Array
from streams.seasons import USUAL, look_up

HOUR_MS: Final = 3_600_000
CHUNK_H: Final = 6
A_WEEK: Final = 168
LEVEL, SIGMA = 100.0, 5.0
THIRD: Final = 2
FAULT_H: Final = 2
LATER_H: Final = 9 * 24 + 5
"""On another day of the week, at another hour."""
MISSED: Final = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """How long, from Monday, 5 January 2026 on, and how many samples an hour."""

    days: int
    an_hour: int

    @property
    def times_ms(self) -> Times:
        return START_MS + HOUR_MS // self.an_hour * np.arange(24 * self.days * self.an_hour)


YEAR: Final = Pace(361, 4)
HALF_YEAR: Final = Pace(181, 60)


@dataclass(frozen=True, slots=True)
class Kind:
    """A day of the month on which something comes on top.

    Parameters
    ----------
    name
        In keys.
    day
        From 1 on counted from the month's start; from -1 on, from its end.
    hours
        Of the day; each series picks one of these stretches.
    size
        In the series' unit or, if ``is_share``, as a share of what else it would be.
    """

    name: str
    day: int
    hours: Sequence[tuple[int, int]]
    size: float
    is_share: bool = False


KINDS: Final = (
    Kind("end", -1, ((0, 24), (8, 20), (18, 24)), 60.0),
    Kind("end_share", -1, ((0, 24),), 0.6, is_share=True),
    Kind("start", 1, ((0, 3), (0, 6), (9, 12)), 80.0),
    Kind("middle", 15, ((0, 24), (9, 17)), -40.0),
)


class Life(NamedTuple):
    """A series, and its days of the month in order: the first hour of their load, and the hour after it."""

    values: Floats
    loads: list[tuple[int, int]]


def _days_of(day: int, pace: Pace) -> list[int]:
    """Days since the start that are such a day of the month."""
    dates = np.datetime64(START_MS, "ms").astype("datetime64[D]") + np.arange(pace.days)
    months = dates.astype("datetime64[M]")
    from_start = (dates - months.astype("datetime64[D]")).astype(int) + 1
    from_end = (dates - (months + 1).astype("datetime64[D]")).astype(int)
    return np.flatnonzero((from_start if day > 0 else from_end) == day).tolist()


def _base(random: np.random.Generator, pace: Pace) -> Floats:
    """A daily cycle with a phase of its own, and weekends at seven tenths."""
    hours = np.arange(24 * pace.days * pace.an_hour) / pace.an_hour
    cycle = LEVEL * (1.0 + 0.3 * np.sin(2 * np.pi * (hours / 24 + random.random())))
    return np.where(hours // 24 % 7 >= 5, 0.7 * cycle, cycle)


def life_of(kind: Kind, pace: Pace, random: np.random.Generator, missed: int = -1) -> Life:
    """A series of a kind; its load differs by a tenth from month to month, and one may not come."""
    level = _base(random, pace)
    first, last = kind.hours[int(random.integers(len(kind.hours)))]
    loads = [(24 * day + first, 24 * day + last) for day in _days_of(kind.day, pace)]
    noise = SIGMA * random.standard_normal(len(level))
    for number, (begin, end) in enumerate(loads):
        span = slice(begin * pace.an_hour, end * pace.an_hour)
        factor = kind.size * (1.0 + 0.1 * float(np.clip(random.standard_normal(), -2.0, 2.0)))
        if number != missed:
            level[span] += factor * level[span] if kind.is_share else factor
    return Life(level + noise, loads)


def lives_of(kind: Kind, pace: Pace, key: str, cases: int, missed: int = -1) -> list[Life]:
    """So many series of a kind."""
    return [life_of(kind, pace, random_of(f"months {key} {kind.name}", case), missed) for case in range(cases)]


class Start(NamedTuple):
    """The start of an anomaly."""

    case: int
    at_ms: int
    sign: int
    is_drift: bool


class Judged(NamedTuple):
    """What the stage said, and what it took for usual, ``[S, hours]``; NaN where nothing was known."""

    starts: list[Start]
    usual: Floats


class WithoutMonths(DetectOperator):
    """A detect stage that never knows a day of the month."""

    def step_batch(self, batch: SampleBatch, *told: Any) -> Any:
        found = super().step_batch(batch, *told)
        self.bank.slots["month_times"] = 0
        self.bank.slots["month_known"] = 0
        return found


@kernel
def _expect(slots: Array, places: Array, times_ms: Array, params: Array, works: Array) -> Floats:
    """What is usual at some times, ``[S, times]``, and each series as it was."""
    work: Any = works[0]
    found = np.full((len(places), len(times_ms)), np.nan)
    for i in range(len(places)):
        row: Any = slots[places[i]]
        for j in range(len(times_ms)):
            if look_up(row, times_ms[j], params[0], work):
                found[i, j] = row.usual[USUAL]
        look_up(row, row.newest_ms, params[0], work)
    return found


def judged(values: Floats, pace: Pace, make: type[DetectOperator]) -> Judged:
    """What becomes of some series, six hours at a time."""
    members = [Series(TENANT, "queue_depth", {"case": f"{case:05d}"}) for case in range(len(values))]
    ids, texts = np.array([one.id for one in members], np.uint64), [one.text for one in members]
    case_of = {f"{one.id:016x}": case for case, one in enumerate(members)}
    operator = make(DetectSettings(), 0, 1)
    starts: list[Start] = []
    usual = np.full((len(values), 24 * pace.days), np.nan)
    chunk = CHUNK_H * pace.an_hour
    rows = np.repeat(np.arange(len(values), dtype=np.int32), chunk)
    for first in range(0, values.shape[1], chunk):
        hour = first // pace.an_hour
        if first:
            middles_ms = START_MS + HOUR_MS * np.arange(hour, hour + CHUNK_H) + HOUR_MS // 2
            places, params = operator.bank.slots_of(ids), operator._tables[0]
            usual[:, hour : hour + CHUNK_H] = _expect(operator.bank.slots, places, middles_ms, params, operator._work)
        times_ms = np.tile(pace.times_ms[first : first + chunk], len(values))
        batch = SampleBatch(TENANT, ids, texts, rows, times_ms, values[:, first : first + chunk].ravel())
        told = [*operator.step_batch(batch), *operator.on_tick(int(times_ms[-1]))]
        starts += [
            Start(case_of[one.series_id], one.at_ms, 1 if one.direction == "up" else -1, one.kind == "drift")
            for one in told
            if one.state == "start"
        ]
    return Judged(starts, usual)


BOTH: Final = (("", DetectOperator), ("_without", WithoutMonths))


def _hits(starts: Sequence[Start], case: int, begin_h: int, end_h: int, sign: int = 0) -> bool:
    """Whether an anomaly of a series started between two hours; a drift counts only where any sign does."""
    begin_ms, end_ms = START_MS + HOUR_MS * begin_h, START_MS + HOUR_MS * end_h
    return any(
        one.case == case and begin_ms <= one.at_ms < end_ms and (not sign or (one.sign == sign and not one.is_drift))
        for one in starts
    )


def _errors(lives: Sequence[Life], usual: Floats, *, days_only: bool) -> float:
    """Mean error of what was usual over that of a week before, from the third such day on."""
    ours, naive = 0.0, 0.0
    for life, expected in zip(lives, usual, strict=True):
        means = life.values.reshape(len(expected), -1).mean(axis=1)
        day = np.arange(len(means)) // 24
        counted = (day >= life.loads[THIRD][0] // 24) & np.isfinite(expected)
        if days_only:
            counted &= np.isin(day, [first // 24 for first, _ in life.loads])
        at = np.flatnonzero(counted)
        ours += float(np.abs(means[at] - expected[at]).sum())
        naive += float(np.abs(means[at] - means[at - A_WEEK]).sum())
    return ours / naive


def _share(name: str, hits: Sequence[bool], ending: str) -> Keys:
    found = wilson(sum(hits), len(hits))
    return {f"{name}{ending}": found.value, f"{name}_low{ending}": found.low, f"{name}_high{ending}": found.high}


def measure_quiet(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """How near what is usual comes, and which days are quiet."""
    for kind in KINDS:
        lives = lives_of(kind, YEAR, f"{seed}", cases)
        found: Keys = {}
        for ending, make in BOTH:
            told = judged(_values(lives), YEAR, make)
            quiet = [
                not _hits(told.starts, case, first, last + 2)
                for case, life in enumerate(lives)
                for first, last in life.loads[THIRD:]
            ]
            found |= {
                f"mase{ending}": _errors(lives, told.usual, days_only=False),
                f"mase_day{ending}": _errors(lives, told.usual, days_only=True),
                "days": len(quiet),
                **_share("quiet", quiet, ending),
            }
        yield f"quiet {kind.name}", _named(kind.name, found)


def _values(lives: Sequence[Life]) -> Floats:
    return np.array([one.values for one in lives])


def _named(kind: str, found: Keys) -> Keys:
    return {f"months_{kind}_{name}": value for name, value in found.items()}


def _planted(lives: Sequence[Life], kind: Kind, seed: int) -> tuple[Floats, list[tuple[int, int, bool]]]:
    """Faults as large as the load, on every second such day from the third on and later; where they are."""
    values, faults = _values(lives), []
    pace = HALF_YEAR
    size = LEVEL * kind.size if kind.is_share else kind.size
    for case, life in enumerate(lives):
        random = random_of(f"months faults {seed} {kind.name}", case)
        for first, last in life.loads[THIRD::2]:
            within = first + int(random.integers(1, max(2, last - first - FAULT_H)))
            for begin, on_day in ((within, True), (within + LATER_H, False)):
                if begin + FAULT_H < 24 * pace.days:
                    values[case, begin * pace.an_hour : (begin + FAULT_H) * pace.an_hour] += size
                    faults.append((case, begin, on_day))
    return values, faults


def measure_faults(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """What is found of a fault on such a day, and on another one."""
    for kind in KINDS:
        lives = lives_of(kind, HALF_YEAR, f"faults {seed}", _fewer(cases))
        values, faults = _planted(lives, kind, seed)
        found: Keys = {}
        for ending, make in BOTH:
            starts, sign = judged(values, HALF_YEAR, make).starts, 1 if kind.size > 0 else -1
            for name, wanted in (("fault_day", True), ("fault_ordinary", False)):
                hits = [_hits(starts, case, begin, begin + 1, sign) for case, begin, here in faults if here == wanted]
                found |= {"faults": len(hits), **_share(name, hits, ending)}
        yield f"faults {kind.name}", _named(kind.name, found)


def _fewer(cases: int) -> int:
    """With a sample a minute, half a year has seven times as many as the year has."""
    return max(2, cases // 2)


def measure_absent(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """What is said where a load does not come."""
    for kind in KINDS:
        lives = lives_of(kind, HALF_YEAR, f"absent {seed}", _fewer(cases), MISSED)
        found: Keys = {}
        for ending, make in BOTH:
            starts = judged(_values(lives), HALF_YEAR, make).starts
            sign = -1 if kind.size > 0 else 1
            hits = [_hits(starts, case, *life.loads[MISSED], sign) for case, life in enumerate(lives)]
            found |= {"absents": len(hits), **_share("absent", hits, ending)}
        yield f"absent {kind.name}", _named(kind.name, found)


def measure_false(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """What is called an anomaly where no day of the month differs."""
    for signal in (GAUGE, OFFICE, STICKY, TAILED, BURSTS):
        randoms = [random_of(f"months false {seed} {signal.name}", case) for case in range(cases)]
        values = record(signal, 3600 / YEAR.an_hour, YEAR.days, randoms).values
        found: Keys = {}
        for ending, make in BOTH:
            late = [one for one in judged(values, YEAR, make).starts if one.at_ms >= START_MS + 7 * DAY_MS]
            found[f"false_per_year{ending}"] = len(late) / cases * 365 / (YEAR.days - 7)
        yield f"false {signal.name}", _named(signal.name, found)


RESULTS: Final = Path(__file__).parent / "results" / "months.json"
BENCHMARK: Final = Benchmark(
    "months",
    RESULTS,
    {"quiet": measure_quiet, "faults": measure_faults, "absent": measure_absent, "false": measure_false},
    __doc__,
)

if __name__ == "__main__":
    sys.exit(BENCHMARK.run(sys.argv[1:]))
