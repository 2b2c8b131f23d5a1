"""Time to limit: how far off it is, how often its intervals hold, and what is taken for a trend that is none.

``python -m benchmarks.eta`` prints JSON. Disks fill in ways that are planted and seeded: evenly; with noise that
lasts for hours; at rates that differ from day to day; by day more than by night; with a daily cycle on top; with
rotations, once or time and again; ever quicker. Each is fed to the detect operator until it is full, every five
minutes; at moments a third, a half and two thirds of the way (never before 36 hours) the operator's estimate is held
against the time at which the disk really was full. Of what never fills (cycles, sawteeth, noise, copies, bursts) the
rules that ship must say nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.detect import DetectOperator, DetectSettings, ThresholdRule
from schemas.batch import SampleBatch
from schemas.events import Anomaly, TimeToLimit
from schemas.series import Series

STEP_S: Final = 300
A_DAY: Final = 288
START_MS: Final = 1_700_006_400_000
HOUR_S: Final = 3_600
CASES: Final = 60
"""Of each kind of fill."""
LONGEST_DAYS: Final = 24
QUIET_DAYS: Final = 14
_PROBE: Final = "probe"
_FRACTIONS: Final = (0.33, 0.5, 0.67)

Values = npt.NDArray[np.float64]
Random = np.random.Generator


class Fill(NamedTuple):
    """A disk that fills: its samples, and how many there are before it is full."""

    kind: str
    values: Values
    full_at: int


def _days(count: int) -> Values:
    return np.arange(count) / A_DAY


def _lasting_noise(random: Random, count: int, size: float, hours: float) -> Values:
    """Noise that forgets itself within so many hours."""
    keep = np.exp(-STEP_S / (hours * HOUR_S))
    shocks = random.normal(0.0, size * np.sqrt(1.0 - keep * keep), count)
    noise = np.zeros(count)
    for at in range(1, count):
        noise[at] = keep * noise[at - 1] + shocks[at]
    return noise


def _even(random: Random, count: int, rate: float) -> Values:
    return rate * _days(count) + random.normal(0.0, 0.0005, count)


def _noisy(random: Random, count: int, rate: float) -> Values:
    return rate * _days(count) + _lasting_noise(random, count, random.uniform(0.002, 0.015), random.uniform(1.0, 8.0))


def _wandering(random: Random, count: int, rate: float) -> Values:
    """Each quarter of a day has a rate of its own."""
    rates = rate * random.lognormal(-0.125, 0.5, count // 72 + 1)
    return np.cumsum(np.repeat(rates, 72)[:count]) / A_DAY


def _by_day(random: Random, count: int, rate: float) -> Values:
    """Written in office hours, at rates that differ."""
    phase = random.uniform(0.0, 1.0)
    busy = np.maximum(0.0, np.sin(2.0 * np.pi * (_days(count) + phase)))
    daily = np.repeat(random.lognormal(-0.045, 0.3, count // A_DAY + 1), A_DAY)[:count]
    return np.cumsum(rate * np.pi * busy * daily) / A_DAY


def _cycling(random: Random, count: int, rate: float) -> Values:
    cycle = random.uniform(0.01, 0.06) * np.sin(2.0 * np.pi * (_days(count) + random.uniform(0.0, 1.0)))
    return _wandering(random, count, rate) + cycle


def _rotated(random: Random, count: int, rate: float) -> Values:
    """Rotations come when they come, a few days apart, and free a part of what a day brings."""
    drops = np.where(random.uniform(size=count) < 1.0 / (random.uniform(0.5, 3.0) * A_DAY), 1.0, 0.0)
    return rate * _days(count) - np.cumsum(drops * random.uniform(0.1, 0.6, count) * rate)


def _once_rotated(random: Random, count: int, rate: float) -> Values:
    at = int(random.uniform(0.2, 0.8) / rate * 0.3 * A_DAY)
    return _wandering(random, count, rate) - np.where(np.arange(count) >= at, random.uniform(0.2, 1.0) * rate, 0.0)


def _quickening(random: Random, count: int, rate: float) -> Values:
    faster = random.uniform(0.02, 0.08)
    return rate * np.expm1(faster * _days(count)) / faster + random.normal(0.0, 0.001, count)


FILLS: Final[Mapping[str, Callable[[Random, int, float], Values]]] = {
    "even": _even,
    "noisy": _noisy,
    "wandering": _wandering,
    "by_day": _by_day,
    "cycling": _cycling,
    "rotated": _rotated,
    "once_rotated": _once_rotated,
    "quickening": _quickening,
}


def fills(cases: int = CASES) -> list[Fill]:
    """All that are full after 54 hours to 24 days."""
    found = []
    for kind, make in FILLS.items():
        random = np.random.default_rng([5, len(kind), sum(kind.encode())])
        while sum(one.kind == kind for one in found) < cases:
            start, days = random.uniform(0.1, 0.7), np.exp(random.uniform(np.log(3.0), np.log(20.0)))
            values = start + make(random, LONGEST_DAYS * A_DAY, (1.0 - start) / days)
            full = np.flatnonzero(values >= 1.0)
            if len(full) and full[0] * STEP_S > 54 * HOUR_S and values.min() > 0.0:
                found.append(Fill(kind, np.minimum(values, 1.0), int(full[0])))
    return found


def told(paths: list[Values], settings: DetectSettings) -> list[list[Anomaly]]:
    """What the operator says of each path."""
    operator = DetectOperator(settings, 0, 1)
    disks = [Series("t", "node_disk_used_ratio", {"mount": f"/{at}"}, {"node": "h1"}) for at in range(len(paths))]
    ids, texts = np.array([one.id for one in disks], np.uint64), [one.text for one in disks]
    said: dict[str, list[Anomaly]] = {f"{one.id:016x}": [] for one in disks}
    for at in range(max(map(len, paths))):
        there = np.array([number for number, path in enumerate(paths) if at < len(path)], np.int32)
        values = np.array([paths[number][at] for number in there])
        times = np.full(len(there), START_MS + at * STEP_S * 1000)
        for one in operator.step_batch(SampleBatch("t", ids, texts, there, times, values)):
            said[one.series_id].append(one)
    return list(said.values())


def _settings(*rules: ThresholdRule, shipped: bool) -> DetectSettings:
    return DetectSettings.model_validate(
        {
            "rules": rules,
            "shipped_rules": shipped,
            "drift": {"enabled": False},
            "stale_s": 3600,
            "updates": {"every_s": 1},
        }
    )


def probe(latest_s: float = 0.0) -> ThresholdRule:
    """A rule that says every estimate that is sure."""
    return ThresholdRule(
        name=_PROBE,
        select="node_disk_used_ratio",
        function="eta",
        comparison="<",
        threshold=1e9,
        limit=1.0,
        latest_s=latest_s,
    )


class Answer(NamedTuple):
    """An estimate, and the time that it really took."""

    kind: str
    left: TimeToLimit | None
    actual_s: float


def answers(planted: list[Fill]) -> list[Answer]:
    """What is estimated of each fill on its way; without an estimate where it was not sure."""
    found = []
    paths = [one.values[: one.full_at] for one in planted]
    for fill, said in zip(planted, told(paths, _settings(probe(1e12), shipped=False)), strict=True):
        known = {(one.at_ms - START_MS) // 1000: one.time_to_limit for one in said if one.detector == _PROBE}
        for fraction in _FRACTIONS:
            at_s = max(int(fraction * fill.full_at), 36 * 12) * STEP_S
            found.append(Answer(fill.kind, known.get(at_s), fill.full_at * STEP_S - at_s))
    return found


def _within(low: float | None, high: float | None, actual_s: float) -> bool:
    return (0.0 if low is None else low) <= actual_s <= (np.inf if high is None else high)


def _score(found: list[Answer]) -> dict[str, float]:
    """Error of the median, and how often the intervals held."""
    known = [(one.left, one.actual_s) for one in found if one.left is not None]
    errors = [abs(left.p50_s - actual_s) / actual_s for left, actual_s in known]
    return {
        "told_share": round(len(known) / len(found), 3),
        "error_median": round(float(np.median(errors)), 4),
        "error_p90": round(float(np.quantile(errors, 0.9)), 4),
        "coverage_80": round(float(np.mean([_within(a.low_80_s, a.high_80_s, b) for a, b in known])), 3),
        "coverage_95": round(float(np.mean([_within(a.low_95_s, a.high_95_s, b) for a, b in known])), 3),
    }


def after_six_hours() -> dict[str, float]:
    """Even fills of all speeds, looked at six hours after their first sample."""
    random = np.random.default_rng(6)
    paths = [0.3 + _even(random, 90, rate) for rate in np.exp(random.uniform(np.log(0.1), np.log(2.0), CASES))]
    rates = [float(np.polyfit(_days(90), path, 1)[0]) for path in paths]
    errors = []
    for rate, said in zip(rates, told(paths, _settings(probe(), shipped=False)), strict=True):
        for one in said:
            if one.time_to_limit is not None and (one.at_ms - START_MS) // 1000 >= 6 * HOUR_S + STEP_S:
                actual_s = (0.7 / rate * A_DAY) * STEP_S - (one.at_ms - START_MS) / 1000
                errors.append(abs(one.time_to_limit.p50_s / actual_s - 1.0))
                break
    return {
        "even_6h_told_share": len(errors) / len(paths),
        "even_6h_error_median": round(float(np.median(errors)), 4),
        "even_6h_error_p90": round(float(np.quantile(errors, 0.9)), 4),
    }


def slow_drifts() -> dict[str, float]:
    """+1 % a day: hours until the first word of it, from the first sample on or after four quiet days."""
    numbers: dict[str, float] = {}
    for name, quiet in (("fresh", 0), ("after_quiet_days", 4 * A_DAY)):
        random = np.random.default_rng([7, quiet])
        count = quiet + 4 * A_DAY
        paths = [
            random.uniform(0.5, 0.8)
            + 0.01 * np.maximum(0.0, _days(count) - quiet / A_DAY)
            + random.uniform(0.0, 0.003) * np.sin(2 * np.pi * (_days(count) + random.uniform()))
            + random.normal(0.0, 0.002, count)
            for _ in range(CASES)
        ]
        first = [
            min((one.at_ms for one in said if one.kind == "trend"), default=START_MS + count * STEP_S * 1000)
            for said in told(paths, _settings(shipped=True))
        ]
        hours = (np.array(first) - START_MS) / 3_600_000 - quiet * STEP_S / HOUR_S
        numbers |= {
            f"drift_{name}_hours_p50": round(float(np.median(hours)), 1),
            f"drift_{name}_hours_p90": round(float(np.quantile(hours, 0.9)), 1),
            f"drift_{name}_within_36h": round(float(np.mean(hours <= 36.0)), 3),
        }
    return numbers


def _sine(random: Random, days: Values) -> Values:
    size = random.uniform(0.02, 0.2)
    return random.uniform(0.3, 0.9 - size) + size * np.sin(2 * np.pi * (days + random.uniform()))


def _sawtooth(random: Random, days: Values) -> Values:
    size = random.uniform(0.02, 0.4)
    return random.uniform(0.2, 0.9 - size) + size * ((days + random.uniform()) % 1.0)


def _noise(random: Random, days: Values) -> Values:
    size, hours = random.uniform(0.001, 0.03), random.uniform(0.1, 6.0)
    return random.uniform(0.3, 0.85) + _lasting_noise(random, len(days), size, hours)


def _copied(random: Random, days: Values) -> Values:
    size, at = random.uniform(0.05, 0.3), random.uniform(0.5, 6.0)
    return random.uniform(0.2, 0.6) + size * (days >= at) + random.normal(0.0, 0.0005, len(days))


def _burst(random: Random, days: Values) -> Values:
    size, at, hours = random.uniform(0.05, 0.2), random.uniform(1.0, 6.0), random.uniform(0.3, 3.0)
    return random.uniform(0.2, 0.6) + size * np.clip((days - at) * 24.0 / hours, 0.0, 1.0)


def _constant(random: Random, days: Values) -> Values:
    return np.full(len(days), random.uniform(0.05, 0.94))


QUIETS: Final[Mapping[str, Callable[[Random, Values], Values]]] = {
    "sine": _sine,
    "sawtooth": _sawtooth,
    "noise": _noise,
    "copied": _copied,
    "burst": _burst,
    "constant": _constant,
}


def false_trends(cases: int = CASES) -> dict[str, float]:
    """Of what does not fill: episodes a series and 30 days that page, and those that only inform."""
    numbers: dict[str, float] = {}
    for kind, make in QUIETS.items():
        random = np.random.default_rng([8, sum(kind.encode())])
        paths = [np.clip(make(random, _days(QUIET_DAYS * A_DAY)), 0.0, 1.0) for _ in range(cases)]
        said = [one for all_of in told(paths, _settings(shipped=True)) for one in all_of if one.kind == "trend"]
        months = cases * QUIET_DAYS / 30
        for name, priorities in (("pages", {"P0", "P1"}), ("notices", {"P3"})):
            count = len({one.id for one in said if one.priority in priorities})
            numbers[f"false_{kind}_{name}_a_month"] = round(count / months, 3)
    return numbers


def measure() -> dict[str, float]:
    """All of it, flat."""
    found = answers(fills())
    numbers = {f"eta_{name}": value for name, value in _score(found).items()}
    for kind in FILLS:
        part = _score([one for one in found if one.kind == kind])
        numbers |= {f"eta_{kind}_{name}": value for name, value in part.items()}
    return numbers | after_six_hours() | slow_drifts() | false_trends()


def main() -> None:
    """Print JSON."""
    print(json.dumps(measure(), indent=2))


if __name__ == "__main__":
    main()
