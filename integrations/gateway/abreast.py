"""Catching up, source partitions go forward together by their records' time.

Many producers send no key, so the samples of one series lie on several partitions; a partition read far ahead of
the others would make the others' samples late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Message

from integrations.gateway.offsets import Source
from integrations.gateway.records import Span, record_time_ms

# A partition that has brought nothing for this long holds nobody back: it may be unable to.
STALLED_S: Final = 5.0


@dataclass(slots=True)
class _Progress:
    record_ms: int | None
    at_s: float


class Abreast:
    """Decides which partitions wait, and up to which record time each may go.

    Parameters
    ----------
    limit_ms
        How far ahead of the slowest a partition may be, in records' time.

    Examples
    --------
    >>> abreast = Abreast(limit_ms=30_000)
    >>> abreast.read(("metrics", 0), 100_000, now_s=1.0)
    >>> abreast.read(("metrics", 1), 10_000, now_s=1.0)
    >>> abreast.waiting({("metrics", 0): 5, ("metrics", 1): 500}, now_s=1.0)
    {('metrics', 0)}
    >>> abreast.horizon_ms(("metrics", 0))
    40000
    >>> abreast.waiting({("metrics", 0): 5, ("metrics", 1): 0}, now_s=1.0)  # the slow one is at its end
    set()
    """

    def __init__(self, limit_ms: int) -> None:
        self.limit_ms = limit_ms
        self._progress: dict[Source, _Progress] = {}
        self._waiting: set[Source] = set()
        self._behind: set[Source] = set()
        self._begun_ms: int | None = None

    def assign(self, sources: Iterable[Source], now_s: float) -> None:
        """Begin anew with these partitions."""
        self._progress = {source: _Progress(None, now_s) for source in sources}
        self._behind = set(self._progress)
        self._waiting = set()
        self._begun_ms = None

    def begin(self, record_ms: int) -> None:
        """Say that a record of this time was seen: where a partition begins that has brought nothing yet."""
        self._begun_ms = record_ms if self._begun_ms is None else min(self._begun_ms, record_ms)

    def read(self, source: Source, record_ms: int, now_s: float) -> None:
        """Say how far a partition was read."""
        self._progress[source] = _Progress(record_ms, now_s)

    def waiting(self, backlog: Mapping[Source, int | None], now_s: float) -> set[Source]:
        """The partitions that must wait.

        Parameters
        ----------
        backlog
            Records that a partition has left; None where that is not known yet.
        now_s
            Monotonic time.
        """
        self._behind = {
            source
            for source, at in self._progress.items()
            if backlog.get(source, 0) != 0 and (source in self._waiting or now_s - at.at_s < STALLED_S)
        }
        slowest = self._slowest_ms(self._behind)
        self._waiting = {
            source
            for source, at in self._progress.items()
            if slowest is not None and at.record_ms is not None and at.record_ms - slowest > self._limit(source)
        }
        return set(self._waiting)

    def horizon_ms(self, source: Source) -> int | None:
        """The record time up to which a partition may go now; None for no limit."""
        slowest = self._slowest_ms(self._behind - {source})
        return None if slowest is None else slowest + self.limit_ms

    def _slowest_ms(self, sources: Iterable[Source]) -> int | None:
        # One that has brought nothing yet most likely begins where the others began.
        times = (self._begun_ms if (at := self._progress[one].record_ms) is None else at for one in sources)
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def _limit(self, source: Source) -> int:
        # One that waits goes on only when the slowest is near: pausing throws away what was read ahead.
        return self.limit_ms // 2 if source in self._waiting else self.limit_ms


class HeldBack:
    """Messages that were read beyond their partition's horizon and wait, in order, until it has moved.

    They are neither decoded nor committed: given up, they are simply read again.

    Parameters
    ----------
    horizon_ms
        Tells a partition's horizon.
    limit_bytes
        Past it everything is let through: memory has a ceiling, keeping abreast has not.
    """

    def __init__(self, horizon_ms: Callable[[Source], int | None], limit_bytes: int) -> None:
        self._horizon_ms = horizon_ms
        self._limit_bytes = limit_bytes
        self._held: dict[Source, list[Message]] = {}
        self._bytes = 0

    @property
    def sources(self) -> set[Source]:
        """Partitions that have messages here."""
        return set(self._held)

    def admit(self, topic: str, messages: list[Message], covered: Sequence[Span]) -> list[Message]:
        """Those messages of a topic that may go on now; the others are held."""
        horizons = {span.source: self._horizon_ms(span.source) for span in covered}
        beyond = {
            span.source
            for span in covered
            if span.source in self._held or ((limit := horizons[span.source]) is not None and span.last_ms > limit)
        }
        if not beyond or self._bytes > self._limit_bytes:
            return messages
        kept = []
        for message in messages:
            source = (topic, message.partition())
            limit = horizons[source]
            late = source in beyond and limit is not None and record_time_ms(message) > limit
            if late or source in self._held:
                self._held.setdefault(source, []).append(message)
                self._bytes += len(message.value() or b"")
            else:
                kept.append(message)
        return kept

    def release(self) -> list[Message]:
        """What may go on by now; each partition's in order."""
        if not self._held:
            return []
        free, everything = [], self._bytes > self._limit_bytes
        for source in list(self._held):
            limit, messages = self._horizon_ms(source), self._held.pop(source)
            count = len(messages)
            if limit is not None and not everything:
                count = next((at for at, one in enumerate(messages) if record_time_ms(one) > limit), count)
            free += messages[:count]
            if count < len(messages):
                self._held[source] = messages[count:]
        self._bytes -= sum(len(message.value() or b"") for message in free)
        return free

    def clear(self) -> None:
        """Give up what is held."""
        self._held, self._bytes = {}, 0
