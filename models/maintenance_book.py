"""Which windows of maintenance hold when, and which series they are about, as a table for compiled code.

Series of which the same windows are about share a group; a group's windows are merged into one sorted list of spans.
A group never names a time of its own: spans are found anew from the windows for the times of each batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from models.calendar import CalendarSettings
from models.maintenance import MaintenanceWindow, Span
from models.params import FOREVER_MS, no_maintenance
from schemas.series import Series
from streams.bank import SeriesBank
from streams.layout import HOT_DIRTY, Array

CHUNK_MS: Final = 28 * 86_400_000
"""Spans are found for so much event time at once."""
_CHUNKS_KEPT: Final = 64
_NAMES_KEPT: Final = 10_000
# A slot names its group with 16 bits; series beyond are not muted, and counted.
_MAX_GROUPS: Final = 60_000


class Entry(NamedTuple):
    """A window, and the event time in which it holds."""

    window: MaintenanceWindow
    from_ms: int
    until_ms: int


class MaintenanceBook:
    """Windows of maintenance.

    Parameters
    ----------
    windows
        As configured.
    calendar
        Fills in the time zone and the holidays of windows that say none.
    keep_ms
        Windows that were replaced are kept for so much event time, for series that lag.

    Examples
    --------
    >>> night = MaintenanceWindow(name="night", start="2026-10-24T02:00", duration_s=3600, select="disk")
    >>> book = MaintenanceBook([night], CalendarSettings(), keep_ms=0)
    >>> book.group_of(Series("t", "cpu")), book.group_of(Series("t", "disk"))
    (0, 1)
    >>> book.table(np.array([1_792_800_000_000])).tolist()  # two groups, then the spans of the second
    [[2, 2], [2, 3], [1792807200000, 1792810800000]]
    """

    def __init__(self, windows: Sequence[MaintenanceWindow], calendar: CalendarSettings, keep_ms: int) -> None:
        self._calendar = calendar
        self._keep_ms = keep_ms
        self.configured = self._resolved(windows)
        self.entries = [Entry(window, 0, FOREVER_MS) for window in self.configured]
        self.groups: dict[tuple[int, ...], int] = {(): 0}
        self.dropped = 0
        self._clear()

    def _clear(self) -> None:
        """Forget what was found from the entries."""
        self._named: dict[str, list[int]] = {}
        self._chunks: dict[int, list[list[Span]]] = {}
        self._tabled: tuple[tuple[int, ...], int] = ((), 0)
        self._table: Array = no_maintenance()

    def _resolved(self, windows: Sequence[MaintenanceWindow]) -> list[MaintenanceWindow]:
        return [window.in_calendar(self._calendar) for window in windows]

    def group_of(self, series: Series) -> int:
        """The group of a series; 0 where no window is about it."""
        if not self.entries:
            return 0
        if (named := self._named.get(series.metric)) is None:
            if len(self._named) >= _NAMES_KEPT:
                self._named.clear()
            named = [at for at, entry in enumerate(self.entries) if entry.window.may_match(series.metric)]
            self._named[series.metric] = named
        about = tuple(at for at in named if self.entries[at].window.matches(series))
        if about not in self.groups and len(self.groups) >= _MAX_GROUPS:
            self.dropped += 1
            return 0
        return self.groups.setdefault(about, len(self.groups))

    def table(self, times_ms: Array) -> Array:
        """``[groups + spans, 2]``: of each group where its spans begin and end, then spans; right at these times."""
        if len(self.groups) == 1 or not len(times_ms):
            return self._table
        first, last = int(times_ms.min()) // CHUNK_MS, int(times_ms.max()) // CHUNK_MS
        chunks = (first,) if first == last else tuple(np.unique(times_ms // CHUNK_MS).tolist())
        if (chunks, len(self.groups)) != self._tabled:
            self._tabled = (chunks, len(self.groups))
            self._table = self._made(chunks)
        return self._table

    def _made(self, chunks: Iterable[int]) -> Array:
        found = [self._spans_in(chunk) for chunk in chunks]
        heads: list[tuple[int, int]] = []
        spans: list[Span] = []
        for group in self.groups:
            merged = _merged([span for chunk in found for at in group for span in chunk[at]])
            begin = len(self.groups) + len(spans)
            heads.append((begin, begin + len(merged)))
            spans += merged
        return np.array([*heads, *spans], np.int64)

    def _spans_in(self, chunk: int) -> list[list[Span]]:
        """Each entry's spans in a chunk of event time."""
        if (spans := self._chunks.get(chunk)) is None:
            if len(self._chunks) >= _CHUNKS_KEPT:
                self._chunks.clear()
            begin, end = chunk * CHUNK_MS, (chunk + 1) * CHUNK_MS
            spans = self._chunks[chunk] = [_holding(entry, begin, end) for entry in self.entries]
        return spans

    def replace(self, windows: Sequence[MaintenanceWindow], from_ms: int, newest_ms: int, bank: SeriesBank) -> None:
        """From an event time on these windows hold, and no others.

        Raises
        ------
        ValueError
            If one goes by holidays and nobody says whose.
        """
        wanted = self._resolved(windows)
        entries = [entry for entry in self.entries if entry.until_ms > newest_ms - self._keep_ms]
        kept = [entry.window for entry in entries if entry.until_ms == FOREVER_MS and entry.window in wanted]
        self.entries = [
            entry if entry.window in kept else entry._replace(until_ms=min(entry.until_ms, from_ms))
            for entry in entries
        ]
        self.entries += [Entry(window, from_ms, FOREVER_MS) for window in wanted if window not in kept]
        self.groups = {(): 0}
        self._clear()
        for slot, identity in bank.live():
            row = bank.slots[slot]
            if row["maintenance"] != (group := self.group_of(identity.series)):
                row["maintenance"] = group
                row["dirty"] |= HOT_DIRTY

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "configured": [window.model_dump(mode="json") for window in self.configured],
            "entries": [
                (entry.window.model_dump(mode="json"), entry.from_ms, entry.until_ms) for entry in self.entries
            ],
            "groups": list(self.groups),
        }

    def load(self, state: Mapping[str, Any]) -> bool:
        """From a checkpoint; returns whether it was configured as it is now."""
        self.entries = [
            Entry(MaintenanceWindow.model_validate(window), start, end) for window, start, end in state["entries"]
        ]
        self.groups = {tuple(group): at for at, group in enumerate(state["groups"])}
        self._clear()
        return bool(state["configured"] == self.state()["configured"])


def _holding(entry: Entry, from_ms: int, until_ms: int) -> list[Span]:
    """A window's spans in a stretch of event time, cut to when it holds."""
    cut = [
        Span(max(span.from_ms, entry.from_ms), min(span.until_ms, entry.until_ms))
        for span in entry.window.spans(from_ms, until_ms)
    ]
    return [span for span in cut if span.from_ms < span.until_ms]


def _merged(spans: list[Span]) -> list[Span]:
    """The same time, in order, no two of them touching."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.from_ms <= merged[-1].until_ms:
            merged[-1] = Span(merged[-1].from_ms, max(merged[-1].until_ms, span.until_ms))
        else:
            merged.append(span)
    return merged
