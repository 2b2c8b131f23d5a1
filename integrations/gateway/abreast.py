"""Catching up, source partitions go forward together by their records' time.

Many producers send no key, so the samples of one series lie on several partitions; a partition read far ahead of
the others would make the others' samples late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from confluent_kafka import Message

from integrations.gateway.offsets import Source
from integrations.gateway.records import Stretch, times_of

# A partition that has brought nothing for this long holds nobody back: it may be unable to.
STALLED_S: Final = 5.0
# What a message takes beside its value.
_OVERHEAD_BYTES: Final = 200


@dataclass(slots=True)
class _Progress:
    record_ms: int | None
    at_s: float


class Abreast:
    """Decides up to which record time each partition may go.

    Parameters
    ----------
    limit_ms
        How far ahead of the slowest a partition may be, in records' time.

    Examples
    --------
    >>> abreast = Abreast(limit_ms=30_000)
    >>> abreast.read(("metrics", 0), 100_000, now_s=1.0)
    >>> abreast.read(("metrics", 1), 10_000, now_s=1.0)
    >>> abreast.look({("metrics", 0): 5, ("metrics", 1): 500}, now_s=1.0)
    >>> abreast.horizon_ms(("metrics", 0))
    40000
    >>> abreast.look({("metrics", 0): 5, ("metrics", 1): 0}, now_s=1.0)  # the slow one is at its end
    >>> abreast.horizon_ms(("metrics", 0)) is None
    True
    """

    def __init__(self, limit_ms: int) -> None:
        self.limit_ms = limit_ms
        self._progress: dict[Source, _Progress] = {}
        self._behind: set[Source] = set()
        self._begun_ms: int | None = None

    def assign(self, sources: Iterable[Source], now_s: float) -> None:
        """Begin anew with these partitions."""
        self._progress = {source: _Progress(None, now_s) for source in sources}
        self._behind = set(self._progress)
        self._begun_ms = None

    def begin(self, record_ms: int) -> None:
        """Say that a record of this time was seen: where a partition begins that has brought nothing yet."""
        self._begun_ms = record_ms if self._begun_ms is None else min(self._begun_ms, record_ms)

    def read(self, source: Source, record_ms: int, now_s: float) -> None:
        """Say how far a partition was read."""
        self._progress[source] = _Progress(record_ms, now_s)

    def look(self, backlog: Mapping[Source, int | None], now_s: float, holding: Collection[Source] = ()) -> None:
        """Find out which partitions others must wait for.

        Parameters
        ----------
        backlog
            Records that a partition has left; None where that is not known yet.
        now_s
            Monotonic time.
        holding
            Partitions that do not move because they wait for others themselves.
        """
        self._behind = {
            source
            for source, at in self._progress.items()
            if backlog.get(source, 0) != 0 and (source in holding or now_s - at.at_s < STALLED_S)
        }

    def horizon_ms(self, source: Source) -> int | None:
        """The record time up to which a partition may go now; None for no limit."""
        times = (
            # One that has brought nothing yet most likely begins where the others began.
            self._begun_ms if (at_ms := self._progress[other].record_ms) is None else at_ms
            for other in self._behind
            if other != source
        )
        slowest = min((at_ms for at_ms in times if at_ms is not None), default=None)
        return None if slowest is None else slowest + self.limit_ms


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
        self._held: dict[Source, deque[_Piece]] = {}
        self._bytes: dict[Source, int] = {}

    @property
    def sources(self) -> Collection[Source]:
        """Partitions that have messages here."""
        return self._held.keys()

    def heavy(self, partitions: int, already: Collection[Source]) -> set[Source]:
        """Partitions that should bring no more for now, since they fill their share of the memory.

        Parameters
        ----------
        partitions
            How many share it.
        already
            Those that bring no more now; they go on when they are down to half.
        """
        share = self._limit_bytes // max(1, partitions)
        return {source for source, size in self._bytes.items() if size > (share // 2 if source in already else share)}

    def admit(self, stretches: Iterable[Stretch]) -> list[Stretch]:
        """What may go on now of that which was read; the rest is held."""
        return [free for one in stretches if (free := self._admit(one)) is not None]

    def _admit(self, stretch: Stretch) -> Stretch | None:
        source = stretch.source
        if source in self._held:
            self._hold(source, _Piece.of(stretch.messages))
            return None
        limit = self._horizon_ms(source)
        if limit is None or stretch.last_ms <= limit:
            return stretch
        free, rest = _Piece.of(stretch.messages).cut(limit)
        if rest is not None:
            self._hold(source, rest)
        return None if free is None else Stretch(source, free.messages)

    def _hold(self, source: Source, piece: _Piece) -> None:
        self._held.setdefault(source, deque()).append(piece)
        self._bytes[source] = self._bytes.get(source, 0) + piece.bytes

    @property
    def is_free(self) -> bool:
        """Whether something may go on by now."""
        return self._has_overflowed or any(
            (limit := self._horizon_ms(source)) is None or pieces[0].times[0] <= limit
            for source, pieces in self._held.items()
        )

    @property
    def _has_overflowed(self) -> bool:
        return sum(self._bytes.values()) > self._limit_bytes

    def release(self) -> list[Stretch]:
        """What may go on by now."""
        everything = self._has_overflowed
        found = []
        for source in list(self._held):
            free = self._release(source, None if everything else self._horizon_ms(source))
            if free:
                found.append(Stretch(source, free))
        return found

    def release_all(self, source: Source) -> list[Stretch]:
        """Everything of one partition, however far ahead."""
        return [Stretch(source, self._release(source, None))] if source in self._held else []

    def _release(self, source: Source, limit: int | None) -> list[Message]:
        """What is held of a partition, up to the first message beyond a time."""
        pieces = self._held[source]
        found: list[Message] = []
        while pieces:
            free, rest = pieces.popleft().cut(limit)
            if free is not None:
                found += free.messages
                self._bytes[source] -= free.bytes
            if rest is not None:
                pieces.appendleft(rest)
                return found
        del self._held[source], self._bytes[source]
        return found

    def clear(self) -> None:
        """Give up what is held."""
        self._held, self._bytes = {}, {}


@dataclass(frozen=True, slots=True)
class _Piece:
    """Messages of one partition that came together, in order; at least one."""

    messages: list[Message]
    times: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, messages: list[Message]) -> _Piece:
        sizes = np.fromiter(map(len, messages), np.int64, len(messages))
        return cls(messages, times_of(messages), sizes + _OVERHEAD_BYTES)

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return int(self.sizes.sum())

    def cut(self, limit: int | None) -> tuple[_Piece | None, _Piece | None]:
        """What comes before the first message beyond a time, and the rest."""
        beyond = np.zeros(0, np.bool_) if limit is None else self.times > limit
        if not beyond.any():
            return self, None
        count = int(beyond.argmax())
        if not count:
            return None, self
        free = _Piece(self.messages[:count], self.times[:count], self.sizes[:count])
        return free, _Piece(self.messages[count:], self.times[count:], self.sizes[count:])
