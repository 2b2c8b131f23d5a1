"""Which commands were done: one that comes again is done once."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field


@dataclass(slots=True)
class DoneCommands:
    """Keys of commands with the time by ticks when they were done.

    Examples
    --------
    >>> done = DoneCommands()
    >>> done.add("t/1", 5_000), done.add("t/1", 6_000)
    (True, False)
    >>> done.forget(5_000), done.forget(5_001), done.done_ms("t/1")
    ([], ['t/1'], None)
    """

    _done: dict[str, int] = field(default_factory=dict)
    _order: list[tuple[int, str]] = field(default_factory=list)

    def add(self, key: str, done_ms: int) -> bool:
        """Know a command; False if it is known."""
        if key in self._done:
            return False
        self._done[key] = done_ms
        heapq.heappush(self._order, (done_ms, key))
        return True

    def done_ms(self, key: str) -> int | None:
        """When a command was done; None if it is not known."""
        return self._done.get(key)

    def forget(self, before_ms: int) -> list[str]:
        """Drop those that were done before a time; their keys."""
        gone = []
        while self._order and self._order[0][0] < before_ms:
            gone.append(heapq.heappop(self._order)[1])
        for key in gone:
            del self._done[key]
        return gone
