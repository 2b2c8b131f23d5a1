"""Young series: how soon a step is found, and how often an anomaly starts although nothing happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.confidence.hearing import Heard, heard_of
from benchmarks.confidence.lives import SIGNALS
from benchmarks.planted.faults import STEP
from benchmarks.planted.intervals import poisson, wilson
from benchmarks.planted.signals import DAY_S, Signal, random_of, record

Keys = dict[str, Any]
SIGMAS: Final = 8.0
FIRST: Final = 60
"""A series is young for so many samples."""
ONSETS: Final = (30, 60)
_WITHIN: Final = 2
"""A step is found in time so many intervals after its first sample, or sooner."""
_AFTER: Final = 5
_HOUR_S: Final = 3600.0
_CHUNK: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How many series there are of each interval: to find steps in, young ones to be quiet, and mature ones."""

    interval_s: float
    steps: int
    young: int
    mature: int
    mature_days: float


PACES: Final = (Pace(1.0, 200, 300, 6, 1.5), Pace(15.0, 200, 600, 20, 4.0), Pace(60.0, 200, 600, 40, 8.0))
"""Of each signal, at 300 cases."""


def _days(pace: Pace, samples: float) -> float:
    return samples * pace.interval_s / DAY_S


def found_in(signal: Signal, pace: Pace, seed: int) -> tuple[int, int]:
    """Steps that are found in time, and steps."""
    randoms = [random_of(f"cold steps {seed} {signal.name} {pace.interval_s}", case) for case in range(pace.steps)]
    quiet = record(signal, pace.interval_s, _days(pace, ONSETS[1] + _AFTER), randoms)
    at = np.array([int(random.integers(*ONSETS)) for random in randoms])
    onset_ms = quiet.times_ms[np.arange(pace.steps), at]
    faulty = STEP.plant(quiet, (quiet.times_ms - onset_ms[:, None]) / 1000, SIGMAS * signal.sigma)
    hits = set()
    for one in heard_of(faulty):
        delay = (one.anomaly.at_ms - int(onset_ms[one.case])) / (1000 * pace.interval_s)
        if one.anomaly.state == "start" and one.anomaly.direction == "up" and 0 <= delay <= _WITHIN + 0.001:
            hits.add(one.case)
    return len(hits), pace.steps


def _ages_s(told: list[Heard], born_ms: np.ndarray) -> list[float]:
    """How old series were when an anomaly of theirs started."""
    starts = (one for one in told if one.anomaly.state == "start" and one.seen is not None)
    return [(one.anomaly.at_ms - int(born_ms[one.case])) / 1000 for one in starts]


def quiet_ages_s(signal: Signal, pace: Pace, seed: int, days: float, series: int) -> list[float]:
    """Of series without a fault."""
    size = max(1, int(_CHUNK / (days * DAY_S / pace.interval_s)))
    ages: list[float] = []
    for first in range(0, series, size):
        cases = range(first, min(series, first + size))
        randoms = [random_of(f"cold quiet {seed} {signal.name} {pace.interval_s} {days}", case) for case in cases]
        recording = record(signal, pace.interval_s, days, randoms)
        ages += _ages_s(heard_of(recording), recording.times_ms[:, 0])
    return ages


def _rates(pace: Pace, young: list[float], mature: list[float]) -> Keys:
    """False alarms of young series against those of mature ones in as much time."""
    first_s = FIRST * pace.interval_s
    mature_s = pace.mature * (pace.mature_days - 1.0) * DAY_S
    settled = sum(age_s >= DAY_S for age_s in mature)
    keys: Keys = {"mature_per_series_day": poisson(settled, mature_s / DAY_S).value}
    for name, span_s in (("first_60", first_s), ("first_hour", _HOUR_S)):
        starts = sum(age_s < span_s for age_s in young)
        rate = poisson(starts, pace.young * span_s / DAY_S)
        keys |= {
            f"{name}_false": starts,
            f"{name}_false_per_series": starts / pace.young,
            f"{name}_per_series_day": rate.value,
            f"{name}_per_series_day_low": rate.low,
            f"{name}_expected": settled / mature_s * span_s * pace.young,
        }
    return keys


def scaled(pace: Pace, cases: int) -> Pace:
    """With more or fewer series."""
    counts = {name: max(2, getattr(pace, name) * cases // 300) for name in ("steps", "young", "mature")}
    return Pace(pace.interval_s, mature_days=pace.mature_days, **counts)


def measure(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """Each interval, over all signals and signal by signal."""
    for pace in (scaled(one, cases) for one in PACES):
        hits = steps = 0
        sums: dict[str, float] = {}
        for signal in SIGNALS:
            found, of = found_in(signal, pace, seed)
            hits, steps = hits + found, steps + of
            young = quiet_ages_s(signal, pace, seed, max(_days(pace, FIRST), _HOUR_S / DAY_S), pace.young)
            mature = quiet_ages_s(signal, pace, seed, pace.mature_days, pace.mature)
            rates = _rates(pace, young, mature)
            for name in ("first_60_false", "first_60_expected", "first_hour_false", "first_hour_expected"):
                sums[name] = sums.get(name, 0.0) + rates[name]
            name = f"{signal.name}_{pace.interval_s:g}s"
            yield name, {f"cold_{name}_{key}": value for key, value in (rates | {"found": found / of}).items()}
        share = wilson(hits, steps)
        total = {"found": share.value, "found_low": share.low, "found_high": share.high, "steps": steps} | sums
        yield f"{pace.interval_s:g} s", {f"cold_{pace.interval_s:g}s_{key}": value for key, value in total.items()}
