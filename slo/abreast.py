"""Partitions that are told of far ahead of another wait for it, so that what it tells is not too late.

After a stop all partitions have a backlog, and one that holds less is read in seconds while another still stands an
hour behind. Slices beyond the slowest one's front, and so much more, stay here in the order in which they came. One
that told nothing yet stands where the others began. A partition that tells nothing for a minute, while others do, holds
nobody back.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, Final, NamedTuple

from schemas.slo_events import SloSlice

HELD: Final = "held/"
STALLED_MS: Final = 60_000
"""By ticks, as far as slices came between them; or while slices wait and none come at all."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Past it all is let through: memory has a ceiling, keeping abreast has not."""
_LONGEST_TICK_MS: Final = 5_000


class _Held(NamedTuple):
    number: int
    slice_ms: int
    end_ms: int
    value: bytes


class Abreast:
    """Lets slices through in their partitions' order, none too far ahead of the slowest partition.

    Parameters
    ----------
    limit_ms
        How far ahead, in event time.
    partitions
        How many there are.

    Examples
    --------
    >>> abreast = Abreast(limit_ms=300_000, partitions=2)
    >>> given = {"slice_s": 5, "slos": [], "good": [], "bad": []}
    >>> early, late = (SloSlice(partition=at, slice_ms=at * 600_000, **given) for at in range(2))
    >>> [one.slice_ms for one in (early, late) for one in abreast.passing(one)]
    [0]
    >>> later = early.model_copy(update={"slice_ms": 300_000})
    >>> [one.slice_ms for one in abreast.passing(later)]
    [300000, 600000]
    """

    def __init__(self, limit_ms: int, partitions: int) -> None:
        self._limit_ms = limit_ms
        self._partitions = partitions
        self._has_begun = False
        self._fronts: dict[int, int] = {}
        self._heard_ms: dict[int, int] = {}
        self._clock_ms = 0
        self._quiet_ms = 0
        self._tick_ms = 0
        self._is_told = False
        self._held: dict[int, deque[_Held]] = {}
        self._bytes = 0
        self._next = 0
        self._new: dict[int, _Held] = {}
        self._gone: set[int] = set()

    @property
    def is_holding(self) -> bool:
        """Whether anything waits."""
        return bool(self._held)

    def passing(self, record: SloSlice) -> Iterator[SloSlice]:
        """Take what a partition tells; what may pass now."""
        number, end_ms = record.partition, record.slice_ms + record.slice_s * 1000
        if not self._has_begun:
            self._begin(record.slice_ms)
        self._fronts[number] = max(self._fronts.get(number, end_ms), end_ms)
        self._heard_ms[number] = self._clock_ms
        self._is_told = True
        if number not in self._held and end_ms <= self._horizon_ms():
            yield record
        else:
            self._hold(record, end_ms)
        yield from self._released()

    def on_tick(self, at_ms: int) -> Iterator[SloSlice]:
        """Let time pass: who tells nothing while others do is not waited for; what may pass then."""
        passed_ms = min(at_ms - self._tick_ms, _LONGEST_TICK_MS)
        if self._is_told:
            self._clock_ms += passed_ms
            self._quiet_ms = 0
            since_ms = self._clock_ms - STALLED_MS
            self._let_go([number for number, heard_ms in self._heard_ms.items() if heard_ms < since_ms])
        elif self._held:
            self._quiet_ms += passed_ms
        if self._quiet_ms > STALLED_MS:
            slowest = min(self._fronts.values())
            self._let_go([number for number, front in self._fronts.items() if front == slowest])
            self._quiet_ms = 0
        self._tick_ms, self._is_told = at_ms, False
        yield from self._released()

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """What waits, a block each, as far as that changed since the last call."""
        new, self._new, gone, self._gone = self._new, {}, self._gone, set()
        return [
            *((f"{HELD}{one.number}", one.value) for one in new.values()),
            *((f"{HELD}{number}", None) for number in gone),
        ]

    def dump(self) -> dict[str, Any]:
        """The rest, as plain values."""
        heard = [(number, front, self._heard_ms[number]) for number, front in sorted(self._fronts.items())]
        clock = {"clock_ms": self._clock_ms, "quiet_ms": self._quiet_ms, "tick_ms": self._tick_ms}
        return {"heard": heard, **clock, "is_told": self._is_told, "has_begun": self._has_begun}

    def load(self, body: dict[str, Any]) -> None:
        """Take that back."""
        self._fronts = {number: front for number, front, _ in body["heard"]}
        self._heard_ms = {number: heard for number, _, heard in body["heard"]}
        self._clock_ms, self._quiet_ms, self._tick_ms = body["clock_ms"], body["quiet_ms"], body["tick_ms"]
        self._is_told, self._has_begun = body["is_told"], body["has_begun"]

    def load_block(self, key: str, value: bytes) -> None:
        """Take back what waits, in any order."""
        record = SloSlice.from_bytes(zlib.decompress(value))
        number = int(key.removeprefix(HELD))
        one = _Held(number, record.slice_ms, record.slice_ms + record.slice_s * 1000, value)
        queue = sorted([*self._held.get(record.partition, ()), one])
        self._held[record.partition] = deque(queue)
        self._bytes += len(value)
        self._next = max(self._next, number + 1)

    def _begin(self, at_ms: int) -> None:
        self._has_begun = True
        self._fronts = dict.fromkeys(range(self._partitions), at_ms)
        self._heard_ms = dict.fromkeys(range(self._partitions), self._clock_ms)

    def _let_go(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            del self._heard_ms[number], self._fronts[number]

    def _horizon_ms(self) -> float:
        slowest = min(self._fronts.values(), default=None)
        return inf if slowest is None or self._bytes > MOST_BYTES else slowest + self._limit_ms

    def _hold(self, record: SloSlice, end_ms: int) -> None:
        one = _Held(self._next, record.slice_ms, end_ms, zlib.compress(record.to_bytes(), 1))
        self._next += 1
        self._bytes += len(one.value)
        self._held.setdefault(record.partition, deque()).append(one)
        self._new[one.number] = one

    def _released(self) -> Iterator[SloSlice]:
        """What waits no longer: of all partitions' first ones always the earliest."""
        while self._held:
            partition = min(self._held, key=lambda number: self._held[number][0].slice_ms)
            if self._held[partition][0].end_ms > self._horizon_ms():
                return
            one = self._held[partition].popleft()
            if not self._held[partition]:
                del self._held[partition]
            self._bytes -= len(one.value)
            if self._new.pop(one.number, None) is None:
                self._gone.add(one.number)
            yield SloSlice.from_bytes(zlib.decompress(one.value))
