"""What may be committed: a source's records count as read once everything made of them is delivered."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.batch import SourceRange

Source = tuple[str, int]
"""Topic and partition."""


@dataclass(slots=True)
class Flight:
    """A stretch of input, and how many of the records made of it are not delivered yet.

    Parameters
    ----------
    ranges
        First and last offset by source partition.
    """

    ranges: dict[Source, tuple[int, int]] = field(default_factory=dict)
    undelivered: int = 0

    def cover(self, source: Source, first: int, last: int) -> None:
        """Say that records ``first`` to ``last`` of a source partition are part of it."""
        known = self.ranges.get(source)
        self.ranges[source] = (first, last) if known is None else (min(known[0], first), last)

    def source_ranges(self) -> tuple[SourceRange, ...]:
        """As a batch's metadata say it."""
        return tuple((topic, partition, *span) for (topic, partition), span in sorted(self.ranges.items()))


class Flights:
    """Flights in the order of their input; offsets rise only past those that have landed.

    Examples
    --------
    >>> flights = Flights()
    >>> flights.open.cover(("metrics", 0), 0, 9)
    >>> first = flights.depart(); first.undelivered += 1
    >>> flights.open.cover(("metrics", 0), 10, 19)
    >>> second = flights.depart()
    >>> flights.landed()
    {}
    >>> first.undelivered -= 1
    >>> flights.landed()
    {('metrics', 0): 20}
    """

    def __init__(self) -> None:
        self.open = Flight()
        self._under_way: deque[Flight] = deque()

    def __len__(self) -> int:
        return len(self._under_way)

    def depart(self) -> Flight:
        """Close the open flight and open the next."""
        flight, self.open = self.open, Flight()
        if flight.ranges:
            self._under_way.append(flight)
        return flight

    def landed(self) -> Mapping[Source, int]:
        """Take out what has landed in order; the next offset of each source partition in it."""
        upto: dict[Source, int] = {}
        while self._under_way and not self._under_way[0].undelivered:
            flight = self._under_way.popleft()
            upto |= {source: last + 1 for source, (_, last) in flight.ranges.items()}
        return upto
