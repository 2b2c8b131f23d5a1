"""How near what is usual comes, how soon after a shift, how many alerts a fixed limit would make, what a sample costs.

Run it: ``python -m benchmarks.habits [PART...] [--cases N] [--seed N] [--data NAB] [--results FILE]``; with some parts
only, or another seed, nothing is written unless a file is named. Everything goes through the detect stage as it ships.

``mase_SIGNAL``
    Mean error of what was usual in the middle of an hour of the third and fourth week, which knows hours that ended six
    hours before, over that of the same hour a week before. Below 1: better than the seasonal naive forecast.

``recovery_SIGNAL_WINDOW``
    After five days the level rises by half. ``hours``: after how many the mean error of a window's center, over six
    hours, is at most 1.2 times what it was on the two days before; 48 where it is not within two days. ``ratio``: that
    quotient 24 hours after the shift, of the ``speaks`` share of series and hours of which the window says something;
    absent where it says nothing. ``goal`` (1.2), ``met``, which it is not where fewer than half speak.

``static_...``
    On NAB, beyond each file's probation: labelled windows in which an alert starts (``recall``) and ``alerts``, of the
    five windows, and of limits of so many standard deviations around the mean of the probation, one number for all
    files, which is the one with the fewest alerts that finds as many windows. ``fewer``: the share of alerts that are
    spared; ``goal`` (0.5), ``met``. The limit is chosen with the labels in view, which flatters it.

``single_...``
    CPU time a sample, in µs, of one series by itself: ``batch_us`` in batches of a day, ``sample_us`` in batches of one
    sample; ``goal`` (20) is that of the first, ``met``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.nab.data import Recording as File
from benchmarks.nab.data import read_recordings
from benchmarks.parts import DEVELOPMENT_SEED, Benchmark, Keys
from benchmarks.planted.comparison import alarms
from benchmarks.planted.feed import TENANT, series_of, warm_up
from benchmarks.planted.peers import Ours
from benchmarks.planted.plans import DAILY, GAUGE, MONDAY, OFFICE, STICKY
from benchmarks.planted.signals import DAY_S, START_MS, Floats, Recording, Signal, Times, random_of, record
from models.detect import DetectOperator, DetectSettings
from models.settings import WINDOW_NAMES
from schemas.batch import SampleBatch
from streams.layout import CENTER
from streams.seasons import USUAL

RESULTS: Final = Path(__file__).parent / "results" / "habits.json"
SIGNALS: Final = (GAUGE, DAILY, OFFICE, MONDAY, STICKY)
INTERVAL_S: Final = 300.0
AN_HOUR: Final = 12
A_DAY, A_WEEK = 24, 168
WEEKS: Final = 4
SHIFT_H, SHIFT, BEFORE_H, AFTER_H, OVER_H = 5 * A_DAY, 0.5, 2 * A_DAY, 2 * A_DAY, 6
RECOVERED: Final = 1.2
SPEAKS: Final = 0.5
SPARED: Final = 0.5
BUDGET_US: Final = 20.0
_SIGMAS: Final = np.geomspace(0.5, 50.0, 400)


class Watched:
    """What the stage expects of some series, hour by hour.

    Parameters
    ----------
    usual
        Shape ``[hours, S]``: of the middle of an hour, as it is reached; NaN where nothing is known.
    centers
        Shape ``[hours, S, windows]``: as the hour begins.
    means
        Shape ``[hours, S]``: what came.
    """

    def __init__(self, recording: Recording) -> None:
        values = recording.values
        self.means = values.reshape(len(values), -1, AN_HOUR).mean(axis=2).T
        hours, members = self.means.shape
        self.usual = np.full((hours, members), np.nan)
        self.centers = np.full((hours, members, len(WINDOW_NAMES)), np.nan)
        operator = DetectOperator(DetectSettings(), 0, 1)
        fleet = [series_of(recording.signal, case) for case in range(members)]
        ids, texts = np.array([one.id for one in fleet], np.uint64), [one.text for one in fleet]
        half = AN_HOUR // 2
        for step in range(2 * hours):
            hour, is_late = divmod(step, 2)
            if step:
                row = operator.bank.slots[operator.bank.slots_of(ids)]
                if is_late:
                    self.usual[hour] = row["usual"][:, USUAL]
                else:
                    self.centers[hour] = np.where(row["base_ready"] > 0, row["base"][:, :, CENTER], np.nan)
            part = slice(step * half, (step + 1) * half)
            rows = np.repeat(np.arange(members, dtype=np.int32), half)
            times_ms, new = recording.times_ms[:, part].ravel(), values[:, part].ravel()
            operator.step_batch(SampleBatch(TENANT, ids, texts, rows, times_ms, new))


def _series(signal: Signal, days: float, seed: int, cases: int) -> Recording:
    return record(signal, INTERVAL_S, days, [random_of(f"habits {signal.name}", case, seed) for case in range(cases)])


def mase(watched: Watched) -> float:
    """The mean error of what was usual over that of the week before, from the third week on."""
    late = slice(2 * A_WEEK, None)
    known = np.isfinite(watched.usual[late])
    errors = np.abs(watched.means - watched.usual)[late][known]
    naive = np.abs(watched.means[late] - watched.means[A_WEEK:-A_WEEK])[known]
    return float(errors.sum() / naive.sum())


def measure_mase(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """How near what is usual comes."""
    for signal in SIGNALS:
        yield f"mase {signal.name}", {f"mase_{signal.name}": mase(Watched(_series(signal, 7 * WEEKS, seed, cases)))}


def _mean(errors: Floats) -> float:
    """Of what is known; NaN where nothing is."""
    known = errors[np.isfinite(errors)]
    return float(known.mean()) if len(known) else np.nan


def recovery(errors: Floats) -> Keys:
    """What became of a window's errors, ``[hours, S]``, after the shift."""
    before = _mean(errors[SHIFT_H - BEFORE_H : SHIFT_H])
    after = [_mean(errors[hour : hour + OVER_H]) / before for hour in range(SHIFT_H, SHIFT_H + AFTER_H - OVER_H)]
    speaks = float(np.isfinite(errors[SHIFT_H + A_DAY : SHIFT_H + A_DAY + OVER_H]).mean())
    keys: Keys = {
        "hours": next((hour for hour, one in enumerate(after) if one <= RECOVERED), AFTER_H),
        "speaks": speaks,
        "goal": RECOVERED,
        "met": int(after[A_DAY] <= RECOVERED and speaks >= SPEAKS),
    }
    return keys | ({"ratio": after[A_DAY]} if np.isfinite(after[A_DAY]) else {})


def measure_recovery(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """How soon what is expected is right again after a shift."""
    for signal in (GAUGE, DAILY):
        quiet = _series(signal, (SHIFT_H + AFTER_H) / A_DAY, seed, cases)
        shifted = np.arange(quiet.path.shape[1]) >= SHIFT_H * AN_HOUR
        moved = Recording(signal, INTERVAL_S, quiet.times_ms, quiet.path + SHIFT * signal.level * shifted, quiet.noise)
        watched = Watched(moved)
        for at, window in enumerate(WINDOW_NAMES):
            keys = recovery(np.abs(watched.centers[:, :, at] - watched.means))
            name = f"recovery_{signal.name}_{window}"
            yield name, {f"{name}_{key}": value for key, value in keys.items()}


def _found(one: File, started: Times) -> int:
    """Labelled windows in which an alert starts."""
    return sum(
        bool(((started >= one.times_ms[first]) & (started <= one.times_ms[last])).any()) for first, last in one.windows
    )


def alerts_of(files: Sequence[File], scores: Sequence[Floats], limit: float = 1.0) -> tuple[int, int]:
    """Windows found, and alerts, of all files beyond their probation."""
    found = told = 0
    for one, own in zip(files, scores, strict=True):
        started = alarms(own[one.probation :], one.times_ms[one.probation :], limit)
        found, told = found + _found(one, started), told + len(started)
    return found, told


def distances(one: File) -> Floats:
    """In standard deviations from the mean, both of the probation."""
    known = one.values[: one.probation]
    return np.abs(one.values - known.mean()) / max(float(known.std()), 1e-9)


def measure_static(data: Path | None, _seed: int, _cases: int) -> Iterator[tuple[str, Keys]]:
    """Alerts of a fixed limit that finds as much."""
    if data is None or not (data / "windows.json").is_file():
        return
    files = read_recordings(data)
    windows = sum(len(one.windows) for one in files)
    ours = Ours("windows")
    signal = Signal("nab")
    found, told = alerts_of(files, [ours.score(signal, one.times_ms, one.values) for one in files])
    away = [distances(one) for one in files]
    tried = [alerts_of(files, away, float(limit)) for limit in _SIGMAS]
    fixed_found, fixed = min((one for one in tried if one[0] >= found), key=lambda one: one[1])
    fewer = 1.0 - told / fixed
    keys: Keys = {"windows": windows, "recall": found / windows, "alerts": told}
    keys |= {"limits_recall": fixed_found / windows, "limits_alerts": fixed, "fewer": fewer}
    keys |= {"goal": SPARED, "met": int(fewer >= SPARED)}
    yield "static", {f"static_{name}": value for name, value in keys.items()}


def _us_a_sample(values: Floats, size: int) -> float:
    """CPU time of one series whose samples come so many at a time."""
    operator, one = DetectOperator(DetectSettings(), 0, 1), series_of(GAUGE, 0)
    ids, texts, rows = np.array([one.id], np.uint64), [one.text], np.zeros(size, np.int32)
    times_ms = START_MS + 15_000 * np.arange(len(values))
    begin_s = time.process_time()
    for first in range(0, len(values), size):
        part = slice(first, first + size)
        operator.step_batch(SampleBatch(TENANT, ids, texts, rows[: len(values[part])], times_ms[part], values[part]))
    return 1e6 * (time.process_time() - begin_s) / len(values)


def measure_single(seed: int, _cases: int) -> Iterator[tuple[str, Keys]]:
    """What one series by itself costs."""
    warm_up()
    values = GAUGE.level + GAUGE.sigma * random_of("habits single", 0, seed).standard_normal(10 * DAY_S // 15)
    batch_us, sample_us = _us_a_sample(values, DAY_S // 15), _us_a_sample(values, 1)
    goal = {"single_goal_us": BUDGET_US, "single_met": int(batch_us <= BUDGET_US)}
    yield "single", {"single_batch_us": batch_us, "single_sample_us": sample_us, **goal}


def main(arguments: list[str]) -> int:
    """Take NAB's folder, then go on as every benchmark does."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--data", type=Path)
    given, others = parser.parse_known_args(arguments)
    parts = {
        "mase": measure_mase,
        "recovery": measure_recovery,
        "static": partial(measure_static, given.data),
        "single": measure_single,
    }
    return Benchmark("habits", RESULTS, parts, __doc__, seed=DEVELOPMENT_SEED).run(others)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
