"""Alerts of one service: its symptoms, and what may be behind them.

A symptom of a service is related to all that names the service and starts within ``cause_window_s`` of it; two alerts
that are no symptoms are not related by that (an exporter that runs on every node is a service, too).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field

Starts = list[tuple[int, str]]
"""Starts in milliseconds with the alerts' keys, sorted."""


@dataclass(slots=True)
class ServiceLine:
    """The starts of all alerts of one service.

    Examples
    --------
    >>> line = ServiceLine()
    >>> line.add((1_000, "slow"), symptom=True)
    >>> line.add((1_500, "full"), symptom=False)
    >>> list(line.related((1_600, "busy"), symptom=False, window_ms=600))
    ['slow']
    >>> list(line.related((1_700, "failing"), symptom=True, window_ms=600))
    ['full']
    """

    symptoms: Starts = field(default_factory=list)
    others: Starts = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.symptoms or self.others)

    def add(self, at: tuple[int, str], *, symptom: bool) -> None:
        """Take an alert in, once."""
        starts = self.symptoms if symptom else self.others
        position = bisect.bisect_left(starts, at)
        if starts[position : position + 1] != [at]:
            starts.insert(position, at)

    def discard(self, at: tuple[int, str], *, symptom: bool) -> None:
        """Forget an alert, if it is known."""
        starts = self.symptoms if symptom else self.others
        position = bisect.bisect_left(starts, at)
        if starts[position : position + 1] == [at]:
            del starts[position]

    def take_over(self, other: ServiceLine) -> None:
        """Take in all alerts of another."""
        self.symptoms = sorted(self.symptoms + other.symptoms)
        self.others = sorted(self.others + other.others)

    def related(self, at: tuple[int, str], *, symptom: bool, window_ms: int) -> Iterator[str]:
        """Keys of alerts that one is related to; of those that are chained to each other, some.

        Symptoms within the window are chained: so the next symptom on each side stands for what lies beyond it, and
        where it is near, for all in between.
        """
        before, after = _beside(self.symptoms, at)
        for neighbour, from_ms, until_ms in ((before, at[0] - window_ms, at[0]), (after, at[0], at[0] + window_ms)):
            if neighbour is not None and abs(neighbour[0] - at[0]) <= window_ms:
                yield neighbour[1]
            elif symptom:
                yield from _within(self.others, from_ms, until_ms)

    def has_symptom_near(self, start_ms: int, window_ms: int) -> bool:
        """Whether a symptom starts within the window of a time."""
        position = bisect.bisect_left(self.symptoms, (start_ms - window_ms, ""))
        return position < len(self.symptoms) and self.symptoms[position][0] <= start_ms + window_ms

    def others_near(self, start_ms: int, window_ms: int) -> Iterator[str]:
        """Keys of all that are no symptoms and start within the window of a time."""
        return _within(self.others, start_ms - window_ms, start_ms + window_ms)


def _beside(starts: Starts, at: tuple[int, str]) -> tuple[tuple[int, str] | None, tuple[int, str] | None]:
    """The neighbours of a start, itself aside."""
    before = bisect.bisect_left(starts, at)
    after = bisect.bisect_right(starts, at)
    return starts[before - 1] if before else None, starts[after] if after < len(starts) else None


def _within(starts: Starts, from_ms: int, until_ms: int) -> Iterator[str]:
    first = bisect.bisect_left(starts, (from_ms, ""))
    last = bisect.bisect_left(starts, (until_ms + 1, ""))
    return (key for _, key in starts[first:last])
