"""Catching up, source partitions go forward together by their records' time.

Many producers send no key, so the samples of one series lie on several partitions; a partition read far ahead of
the others would make the others' samples late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from integrations.gateway.offsets import Source

# A partition that has brought nothing for this long holds nobody back: it may be unable to.
STALLED_S = 5.0


@dataclass(slots=True)
class _Progress:
    record_ms: int
    at_s: float


class Abreast:
    """Decides which partitions wait.

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
    >>> abreast.waiting({("metrics", 0): 5, ("metrics", 1): 0}, now_s=1.0)  # the slow one is at its end
    set()
    """

    def __init__(self, limit_ms: int) -> None:
        self.limit_ms = limit_ms
        self._progress: dict[Source, _Progress] = {}
        self._waiting: set[Source] = set()

    def read(self, source: Source, record_ms: int, now_s: float) -> None:
        """Say how far a partition was read."""
        self._progress[source] = _Progress(record_ms, now_s)

    def keep(self, sources: Iterable[Source]) -> None:
        """Forget all partitions but these."""
        kept = set(sources)
        self._progress = {source: at for source, at in self._progress.items() if source in kept}
        self._waiting &= kept

    def waiting(self, backlog: Mapping[Source, int], now_s: float) -> set[Source]:
        """The partitions that must wait.

        Parameters
        ----------
        backlog
            Records that a partition has left.
        now_s
            Monotonic time.
        """
        behind = [
            at.record_ms
            for source, at in self._progress.items()
            if backlog.get(source, 0) > 0 and (source in self._waiting or now_s - at.at_s < STALLED_S)
        ]
        slowest = min(behind, default=None)
        waiting = set()
        for source, at in self._progress.items():
            # One that waits goes on only when the slowest is near: pausing throws away what was read ahead.
            limit = self.limit_ms // 2 if source in self._waiting else self.limit_ms
            if slowest is not None and at.record_ms - slowest > limit:
                waiting.add(source)
        self._waiting = waiting
        return set(waiting)
