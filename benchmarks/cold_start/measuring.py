"""Young series: how soon a step is found, and how often an anomaly starts although nothing happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.confidence.hearing import SHIPPED, Heard, heard_of
from benchmarks.planted.faults import STEP
from benchmarks.planted.intervals import poisson, wilson
from benchmarks.planted.quiet import SIGNALS
from benchmarks.planted.signals import DAY_S, Signal, random_of, record
from models.settings import DetectSettings

Keys = dict[str, Any]
SIGMAS: Final = 8.0
FIRST: Final = 60
"""A series is young for so many samples."""
ONSETS: Final = (30, 60)
_WITHIN: Final = 2
"""A step is found in time so many intervals after its first sample, or within half a minute, whichever is longer: what
is twice the limit is believed no sooner, however often it is sampled."""
_WITHIN_S: Final = 30.0
_HOUR_S: Final = 3600.0
_CHUNK: Final = 2_000_000
WITHOUT: Final = DetectSettings(shipped_priors=False)


class Span(NamedTuple):
    """So many series, so long."""

    days: float
    series: int


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


def found_in(signal: Signal, pace: Pace, seed: int, settings: DetectSettings = SHIPPED) -> int:
    """Steps that are found in time."""
    randoms = [random_of(f"cold steps {seed} {signal.name} {pace.interval_s}", case) for case in range(pace.steps)]
    within_s = max(_WITHIN * pace.interval_s, _WITHIN_S)
    after = int(within_s / pace.interval_s) + 2
    quiet = record(signal, pace.interval_s, _days(pace, ONSETS[1] + after), randoms)
    at = np.array([int(random.integers(*ONSETS)) for random in randoms])
    onset_ms = quiet.times_ms[np.arange(pace.steps), at]
    faulty = STEP.plant(quiet, (quiet.times_ms - onset_ms[:, None]) / 1000, SIGMAS * signal.sigma)
    hits = set()
    for one in heard_of(faulty, settings):
        delay_s = (one.anomaly.at_ms - int(onset_ms[one.case])) / 1000
        if one.anomaly.state == "start" and one.anomaly.direction == "up" and 0 <= delay_s <= within_s:
            hits.add(one.case)
    return len(hits)


def _ages_s(told: list[Heard], born_ms: np.ndarray) -> list[float]:
    """How old series were when an anomaly of theirs started."""
    starts = (one for one in told if one.anomaly.state == "start" and one.seen is not None)
    return [(one.anomaly.at_ms - int(born_ms[one.case])) / 1000 for one in starts]


def quiet_ages_s(signal: Signal, pace: Pace, seed: int, span: Span, settings: DetectSettings = SHIPPED) -> list[float]:
    """Of series without a fault."""
    days, series = span
    size = max(1, int(_CHUNK / (days * DAY_S / pace.interval_s)))
    ages: list[float] = []
    for first in range(0, series, size):
        cases = range(first, min(series, first + size))
        randoms = [random_of(f"cold quiet {seed} {signal.name} {pace.interval_s} {days}", case) for case in cases]
        recording = record(signal, pace.interval_s, days, randoms)
        ages += _ages_s(heard_of(recording, settings), recording.times_ms[:, 0])
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


def _of_signal(signal: Signal, pace: Pace, seed: int) -> Keys:
    """A generator's numbers, with the shipped priors and without."""
    young = Span(max(_days(pace, FIRST), _HOUR_S / DAY_S), pace.young)
    mature = quiet_ages_s(signal, pace, seed, Span(pace.mature_days, pace.mature))
    keys = _rates(pace, quiet_ages_s(signal, pace, seed, young), mature)
    without = _rates(pace, quiet_ages_s(signal, pace, seed, young, WITHOUT), mature)
    keys |= {f"{name}_without": without[name] for name in ("first_60_false", "first_hour_false")}
    hits = {"hits": found_in(signal, pace, seed), "hits_without": found_in(signal, pace, seed, WITHOUT)}
    return keys | hits | {name.replace("hits", "found"): count / pace.steps for name, count in hits.items()}


def _summed(every: list[Keys], pace: Pace) -> Keys:
    """Over all generators."""
    steps = pace.steps * len(every)
    share = wilson(sum(one["hits"] for one in every), steps)
    keys: Keys = {"steps": steps, "found": share.value, "found_low": share.low, "found_high": share.high}
    keys["found_without"] = sum(one["hits_without"] for one in every) / steps
    for span in ("first_60", "first_hour"):
        for name in ("false", "false_without", "expected"):
            keys[f"{span}_{name}"] = sum(one[f"{span}_{name}"] for one in every)
    return keys


def measure(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """Each interval: signal by signal, then over all of them."""
    for pace in (scaled(one, cases) for one in PACES):
        every = []
        for signal in SIGNALS:
            keys = _of_signal(signal, pace, seed)
            every.append(keys)
            name = f"{signal.name}_{pace.interval_s:g}s"
            yield name, {f"cold_{name}_{key}": value for key, value in keys.items() if not key.startswith("hits")}
        yield f"{pace.interval_s:g} s", {f"cold_{pace.interval_s:g}s_{k}": v for k, v in _summed(every, pace).items()}
