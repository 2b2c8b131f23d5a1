"""The embedded broker's memory against its ceiling: what to do about it, and how fast it grows."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

WARN_RATIO: Final = 0.8
MIB: Final = 1024 * 1024
_WEEK_S: Final = 7 * 86_400
# Growth is told over this long at most, and not before so much of it, the time after the start left out.
_MEMORY_S: Final = 3_600
_LEAST_S: Final = 180.0
_SETTLED_AFTER_S: Final = 60.0
_APART_S: Final = 15.0
# Few and long ones: an allocator takes memory in steps.
_PARTS: Final = 5
_LEAST_PART_S: Final = 60.0

Level = Literal["fine", "warn", "full"]


@dataclass
class MemoryGuard:
    """Compares readings with a ceiling; a level is told once when it is reached.

    Parameters
    ----------
    ceiling_bytes
        Where ``full`` begins; ``warn`` begins at 80 % of it.

    Examples
    --------
    >>> guard = MemoryGuard(1000)
    >>> [guard.see(at, used) for at, used in enumerate((100, 850, 900, 1000))]
    ['fine', 'warn', 'warn', 'full']
    """

    ceiling_bytes: int
    level: Level = "fine"
    used_bytes: int = 0
    _first_s: float | None = None
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, at_s: float, used_bytes: int) -> Level:
        """Take a reading; gives the level, which never falls (an embedded broker forgets nothing)."""
        self.used_bytes = used_bytes
        self._first_s = at_s if self._first_s is None else self._first_s
        is_settled = at_s - self._first_s >= _SETTLED_AFTER_S
        if is_settled and (not self._seen or at_s - self._seen[-1][0] >= _APART_S):
            self._seen.append((at_s, used_bytes))
        while self._seen and at_s - self._seen[0][0] > _MEMORY_S:
            self._seen.popleft()
        if used_bytes >= self.ceiling_bytes:
            self.level = "full"
        elif used_bytes >= WARN_RATIO * self.ceiling_bytes and self.level == "fine":
            self.level = "warn"
        return self.level

    @property
    def growth_bytes_per_s(self) -> float | None:
        """How fast it grows: the median over parts of what was seen, so that one burst is no trend; None at first."""
        span_s = self._seen[-1][0] - self._seen[0][0] if self._seen else 0.0
        if span_s < _LEAST_S:
            return None
        rates, part_s = [], max(_LEAST_PART_S, span_s / _PARTS)
        since_s, since = self._seen[0]
        for at_s, used in self._seen:
            if at_s - since_s >= part_s:
                rates.append((used - since) / (at_s - since_s))
                since_s, since = at_s, used
        return statistics.median(rates)

    @property
    def week_bytes(self) -> float | None:
        """What a week at this growth would add."""
        growth = self.growth_bytes_per_s
        return None if growth is None else growth * _WEEK_S

    def message(self) -> str:
        """What to say at this level, and what to do."""
        used = f"the embedded broker holds {self.used_bytes / MIB:.0f} of {self.ceiling_bytes / MIB:.0f} MiB"
        way_out = (
            "restart `up` (what it holds is lost), raise embedded.memory_ceiling_bytes, "
            "or keep data on disk with --kafka-home DIR or --broker HOST:PORT"
        )
        match self.level:
            case "fine":
                return used
            case "warn":
                return f"{used} and forgets nothing; before it is full: {way_out}"
            case "full":
                return f"{used}: ingest and the collector are stopped; {way_out}"
