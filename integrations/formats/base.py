"""What every format shares: options, the decoder's interface, what a decoder hands back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from integrations.formats.recognise import Recogniser
from integrations.formats.series_table import SeriesTable
from schemas.batch import HistogramPoint

__all__ = [
    "Columns",
    "Decoded",
    "Decoder",
    "FormatOptions",
    "HistogramSample",
    "Recogniser",
    "Rejection",
    "SeriesTable",
    "TimeUnit",
    "check_regexes",
]

TimeUnit = Literal["auto", "s", "ms", "us", "ns"]

# A detail travels in a Kafka header: enough to see what broke, never the payload again.
MAX_DETAIL_CHARS: Final = 300


def check_regexes(patterns: Iterable[str]) -> None:
    """See whether all are regular expressions.

    Raises
    ------
    ValueError
        Naming the first that is none.
    """
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in patterns))


class FormatOptions(BaseModel):
    """What a message of a source does not say about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    time_unit: TimeUnit = Field("auto", description="Unit of numeric times; auto infers it from their magnitude.")
    store_rates: bool = Field(
        True, description="collectd: whether write_kafka sends rates (its StoreRates, on by default) or raw counters."
    )
    label_fields: tuple[str, ...] = Field(
        (), description="Fluent Bit, Metricbeat: text fields that become labels, beside those that are by themselves."
    )
    counters: tuple[str, ...] = Field(
        (), description="Metrics that accumulate though nothing in their message says so; each matches a whole name."
    )

    @field_validator("counters")
    @classmethod
    def _are_regexes(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        check_regexes(patterns)
        return patterns

    def type_of(self, metric: str, guess: str) -> str:
        """A metric's type where its message carries none.

        Examples
        --------
        >>> FormatOptions(counters=("app_.*_seen",)).type_of("app_jobs_seen", "gauge")
        'counter'
        """
        return "counter" if self.counters and _any_of(self.counters).fullmatch(metric) else guess


@dataclass(frozen=True, slots=True)
class HistogramSample:
    """One histogram or summary point of a series."""

    series: int
    timestamp_ms: int
    point: HistogramPoint
    record: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that could not be read, wholly or in part.

    Parameters
    ----------
    record
        Its position among the decoded records.
    reason
        A short stable name, a metric's label: ``not_json``, ``missing_value`` ...
    detail
        Which part, and what was wrong with it, for a person.
    """

    record: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """What many records hold, as columns; rows are in the order of their records.

    Parameters
    ----------
    series
        Dense ids of the ``SeriesTable``, shape ``[N]``, int32.
    timestamp_ms
        Event time, shape ``[N]``, int64.
    value
        Raw finite values, shape ``[N]``, float64.
    record
        Position of the record that held the sample, shape ``[N]``, int32.
    histograms
        Histogram and summary points.
    rejections
        One at most for a record. A record that is partly bad keeps its good samples and stands here too.
    skipped
        Values left out though nothing is wrong with their record, by reason.
    noted
        Samples that were taken though something about them is odd, by name: ``unknown_type``.
    """

    series: npt.NDArray[np.int32]
    timestamp_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    record: npt.NDArray[np.int32]
    histograms: list[HistogramSample] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.value)


class Decoder(Protocol):
    """One format: the bytes of many records become columns.

    A decoder never raises on what the bytes are. It may keep caches inside the ``SeriesTable`` (``scratch``), so
    one decoder serves any number of tables and ``SeriesTable.clear`` forgets all.
    """

    name: str

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records.

        Parameters
        ----------
        values
            The records' values.
        record_ms
            The records' own times, for samples that carry none.
        table
            The tenant's series.
        """
        ...


_Arrays = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int32]]


class Columns:
    """Collects what a decoder finds, then puts it in the order of the records.

    ``add`` takes one sample; a decoder with columns of its own appends them as arrays with ``add_arrays``.

    Examples
    --------
    >>> columns = Columns()
    >>> columns.add(0, 1000, 0.5, 0)
    >>> columns.add(0, 2000, float("nan"), 1)
    >>> decoded = columns.decoded()
    >>> decoded.value, decoded.skipped
    (array([0.5]), Counter({'not_finite': 1}))
    """

    def __init__(self) -> None:
        self.series: list[int] = []
        self.timestamp_ms: list[int] = []
        self.value: list[float] = []
        self.record: list[int] = []
        self.histograms: list[HistogramSample] = []
        self.skipped: Counter[str] = Counter()
        self.noted: Counter[str] = Counter()
        self._rejected: dict[int, Rejection] = {}
        self._more: Counter[int] = Counter()
        self._arrays: list[_Arrays] = []

    def add(self, series: int, timestamp_ms: int, value: float, record: int) -> None:
        """One sample."""
        self.series.append(series)
        self.timestamp_ms.append(timestamp_ms)
        self.value.append(value)
        self.record.append(record)

    def add_arrays(
        self,
        series: npt.NDArray[np.int32],
        timestamp_ms: npt.NDArray[np.int64],
        value: npt.NDArray[np.float64],
        record: npt.NDArray[np.int32],
    ) -> None:
        """Many samples; inside one record they keep their order and precede those of ``add``."""
        self._arrays.append((series, timestamp_ms, value, record))

    def reject(self, record: int, reason: str, detail: object = "") -> None:
        """Say that a record, or a part of it, could not be read; the first reason stands, others are counted."""
        if record in self._rejected:
            self._more[record] += 1
            return
        text = str(detail)[:MAX_DETAIL_CHARS].encode("utf-8", "backslashreplace").decode()
        self._rejected[record] = Rejection(record, reason, text)

    def decoded(self) -> Decoded:
        """Everything collected, finite and in order."""
        if self.value:
            self._arrays.append(
                (
                    np.array(self.series, np.int32),
                    np.array(self.timestamp_ms, np.int64),
                    np.array(self.value, np.float64),
                    np.array(self.record, np.int32),
                )
            )
        rows = self._joined()
        finite = np.isfinite(rows[2])
        if not finite.all():
            self.skipped["not_finite"] += int(len(finite) - finite.sum())
            rows = _taken(rows, finite)
        record = rows[3]
        if (record[1:] < record[:-1]).any():
            rows = _taken(rows, np.argsort(record, kind="stable"))
        return Decoded(*rows, self.histograms, self._rejections(), Counter(self.skipped), Counter(self.noted))

    def _joined(self) -> _Arrays:
        if len(self._arrays) == 1:
            return self._arrays[0]
        empty = (np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.int32))
        series, timestamp_ms, value, record = zip(empty, *self._arrays, strict=True)
        return np.concatenate(series), np.concatenate(timestamp_ms), np.concatenate(value), np.concatenate(record)

    def _rejections(self) -> list[Rejection]:
        found = []
        for record, rejection in sorted(self._rejected.items()):
            more = self._more[record]
            detail = f"{rejection.detail} (and {more} more)" if more else rejection.detail
            found.append(Rejection(record, rejection.reason, detail))
        return found


def _taken(rows: _Arrays, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> _Arrays:
    series, timestamp_ms, value, record = rows
    return series[which], timestamp_ms[which], value[which], record[which]
