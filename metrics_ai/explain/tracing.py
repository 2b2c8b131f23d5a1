"""What a series was and what was expected of it, moment by moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from metrics_ai.explain.series_state import window_state
from models.detect import DetectOperator
from models.families import MetricFamily, family_of
from models.settings import WINDOW_NAMES, DetectSettings
from schemas.batch import SampleBatch
from schemas.events import Anomaly, Range
from schemas.series import Series

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
MAX_BANDS: Final = 1500
"""Moments at which the expected range is asked for: more would be no wider than a pixel."""
# After a gap a delta still covers one interval only.
_GAP: Final = 3.0


@dataclass(frozen=True, slots=True)
class Line:
    """A series' values: times in ms since the epoch and values, both of shape ``[N]``, by time.

    ``is_rate`` says whether they are per second, made from what a counter counted.
    """

    times_ms: Times
    values: Values
    is_rate: bool = False

    def __len__(self) -> int:
        return len(self.times_ms)

    def between(self, from_ms: int, until_ms: int) -> Line:
        """The values from a time to another, both included."""
        kept = (self.times_ms >= from_ms) & (self.times_ms <= until_ms)
        return replace(self, times_ms=self.times_ms[kept], values=self.values[kept])


@dataclass(frozen=True, slots=True)
class Band:
    """What was expected: times in ms since the epoch, low and high, of shape ``[M]``; NaN where nothing was."""

    times_ms: Times
    low: Values
    high: Values
    window: str = ""

    @classmethod
    def of(cls, points: Sequence[tuple[int, Range | None]], window: str = "") -> Band:
        """A band through some moments.

        Examples
        --------
        >>> Band.of([(0, None), (1000, Range(low=1, center=2, high=3))]).high.tolist()
        [nan, 3.0]
        """
        lows = [np.nan if one is None else one.low for _, one in points]
        highs = [np.nan if one is None else one.high for _, one in points]
        return cls(np.array([at for at, _ in points], np.int64), np.array(lows), np.array(highs), window)


@dataclass(frozen=True, slots=True)
class Trace:
    """A series' values, what its finest speaking window expected, and the anomalies on the way."""

    line: Line
    band: Band
    anomalies: Sequence[Anomaly]


def line_of(batches: Iterable[SampleBatch], series_id: int) -> Line:
    """The values of one series, as detect judges them."""
    times: list[Times] = [np.zeros(0, np.int64)]
    values: list[Values] = [np.zeros(0)]
    kind = "gauge"
    for batch in batches:
        for position in np.flatnonzero(batch.series_ids == np.uint64(series_id)).tolist():
            kind = batch.series_at(position).type
            rows = batch.series == position
            times.append(batch.timestamp_ms[rows])
            values.append(batch.value[rows])
    return judged(kind, np.concatenate(times), np.concatenate(values))


def judged(kind: str, times_ms: Times, raw: Values) -> Line:
    """Values as detect judges them: a gauge's own, a counter's or delta's rate per second.

    A counter that falls was reset; samples that come again, and those of rates that come late, are left out.

    Examples
    --------
    >>> judged("counter", np.array([0, 1000, 3000]), np.array([5.0, 7.0, 1.0])).values.tolist()
    [2.0, 0.5]
    """
    if kind in ("counter", "delta") and len(times_ms):
        newest = np.maximum.accumulate(times_ms)
        in_order = np.concatenate([[True], times_ms[1:] > newest[:-1]])
        times_ms, raw = times_ms[in_order], raw[in_order]
    times_ms, first = np.unique(times_ms, return_index=True)
    raw = raw[first]
    if kind not in ("counter", "delta") or not len(raw):
        return Line(times_ms, raw)
    seconds = np.diff(times_ms) / 1000.0
    if kind == "counter":
        grown = np.diff(raw)
        return Line(times_ms[1:], np.where(grown >= 0.0, grown, np.maximum(raw[1:], 0.0)) / seconds, True)
    usual = float(np.median(seconds)) if len(seconds) else 0.0
    return Line(times_ms[1:], raw[1:] / np.where(seconds > _GAP * usual, usual, seconds), True)


def trace(batches: Sequence[SampleBatch], settings: DetectSettings) -> Trace:
    """Go through the samples of one series again, and note what was expected as it went.

    Examples
    --------
    >>> cpu = Series("t", "cpu")
    >>> times = 1_700_000_000_000 + 10_000 * np.arange(60)
    >>> batch = SampleBatch("t", np.array([cpu.id], np.uint64), [cpu.text], np.zeros(60, np.int32), times, np.ones(60))
    >>> found = trace([batch], DetectSettings())
    >>> len(found.line), found.band.window, bool(np.isnan(found.band.low[0])), float(found.band.low[-1])
    (60, '5m', True, 0.8)
    """
    operator = DetectOperator(settings, partition=0, partitions=1)
    total = sum(map(len, batches))
    series_id = int(batches[0].series_ids[0])
    family = _family(batches[0].series_at(0), settings)
    anomalies: list[Anomaly] = []
    points: list[tuple[int, Range | None]] = []
    finest = len(WINDOW_NAMES)
    for cut in _cuts(batches, -(-total // MAX_BANDS)):
        anomalies += operator.step_batch(cut)
        window, expected = _expected(operator, series_id, settings, family)
        finest = min(finest, window)
        points.append((int(cut.timestamp_ms[-1]), expected))
    name = WINDOW_NAMES[finest] if finest < len(WINDOW_NAMES) else ""
    points.sort(key=lambda one: one[0])
    return Trace(line_of(batches, series_id), Band.of(points, name), anomalies)


def _family(series: Series, settings: DetectSettings) -> MetricFamily:
    families = settings.all_families()
    return families[family_of(families, series.metric, series.unit, series.type)]


def _cuts(batches: Sequence[SampleBatch], rows: int) -> Iterator[SampleBatch]:
    """The same samples, a few at a time."""
    for batch in batches:
        for start in range(0, len(batch), rows):
            span = slice(start, start + rows)
            yield replace(
                batch, series=batch.series[span], timestamp_ms=batch.timestamp_ms[span], value=batch.value[span]
            )


def _expected(
    operator: DetectOperator, series_id: int, settings: DetectSettings, family: MetricFamily
) -> tuple[int, Range | None]:
    """The finest window that speaks now, and what it expects."""
    slot = int(operator.bank.slots_of(np.array([series_id], np.uint64))[0])
    if slot >= 0:
        for at, name in enumerate(WINDOW_NAMES):
            state = window_state(operator.bank.slots[slot], at, settings.windows[name], family)
            if state.expected is not None:
                return at, state.expected
    return len(WINDOW_NAMES), None
