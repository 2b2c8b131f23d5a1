"""Who spent the budget: bad events by entity, in hours and days, bounded, and adding up to all that was spent.

A ledger names its spenders exactly until a bucket has too many; then the smallest of them become nameless. What is
spent and not named is told as ``others``, so the lines always add up. A period names what lies in its whole hours (up
to a day) or days (beyond); what was spent before the first of those is among the others too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from itertools import islice
from typing import Final, NamedTuple

OTHERS: Final = "others"
NO_DATA: Final = "no data"
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
KEPT_NAMES: Final = 32
"""In a bucket, after the small ones were dropped; twice as many before."""
_HOURS_KEPT: Final = 26

Names = dict[str, float]


class Bucket(NamedTuple):
    """An hour or a day, by its number since the epoch."""

    kind: str
    number: int


class Line(NamedTuple):
    """A line of a ledger: how many bad events, and how much of the period's budget that was (None without one)."""

    who: str
    bad: float
    of_budget: float | None


class Ledger:
    """What the spenders of one SLO spent.

    Parameters
    ----------
    days_kept
        As many as the SLO's longest period has.

    Examples
    --------
    >>> ledger = Ledger(days_kept=30)
    >>> changed = ledger.add(5_000, [("node-1", 30.0), ("node-2", 12.0)])
    >>> ledger.lines(start_ms=0, spent=50.0)
    [Line(who='node-1', bad=30.0, of_budget=None), Line(who='node-2', bad=12.0, of_budget=None), \
Line(who='others', bad=8.0, of_budget=None)]
    """

    def __init__(self, days_kept: int) -> None:
        self.days_kept = days_kept
        self.hours: dict[int, Names] = {}
        self.days: dict[int, Names] = {}
        self._ranked: tuple[tuple[int, int], list[tuple[str, float]]] | None = None

    def add(self, at_ms: int, spenders: Iterable[tuple[str, float]]) -> list[Bucket]:
        """Enter what was spent at an event time; which buckets changed, those that are forgotten too."""
        entered = list(spenders)
        changed: list[Bucket] = []
        for kind, buckets, length, kept in (
            ("hour", self.hours, HOUR_MS, _HOURS_KEPT),
            ("day", self.days, DAY_MS, self.days_kept + 1),
        ):
            number = at_ms // length
            names = buckets.setdefault(number, {})
            for who, bad in entered:
                names[who] = names.get(who, 0.0) + bad
            _prune(names)
            changed.append(Bucket(kind, number))
            changed += [Bucket(kind, gone) for gone in _forget(buckets, number - kept)]
        self._ranked = None
        return changed

    @property
    def is_empty(self) -> bool:
        """Whether nobody is named."""
        return not self.days

    def merge(self, other: Ledger) -> None:
        """Enter what another ledger holds, that of another partition or store."""
        for mine, theirs in ((self.hours, other.hours), (self.days, other.days)):
            for number, names in sorted(theirs.items()):
                into = mine.setdefault(number, {})
                for who, bad in names.items():
                    into[who] = into.get(who, 0.0) + bad
                _prune(into)
        self._ranked = None

    def lines(
        self,
        start_ms: int,
        spent: float,
        *,
        unknown: float = 0.0,
        pending: Mapping[str, float] | None = None,
        allowed: float = 0.0,
        limit: int = KEPT_NAMES,
    ) -> list[Line]:
        """Who spent what since a period began, the most first, then what is unknown or nobody's; they add up.

        Parameters
        ----------
        start_ms
            When the period began.
        spent, unknown
            All bad events of the period, and how many of those are unknown ones that count as bad.
        pending
            Of the last minutes, what was not entered yet.
        allowed
            The period's budget in bad events; 0 where it has none.
        limit
            So many names at most.
        """
        fresh = pending or {}
        ranked = self._since(start_ms)
        known = dict(ranked) if fresh else {}
        named = [(who, bad + known.get(who, 0.0)) for who, bad in fresh.items()]
        named += islice((one for one in ranked if one[0] not in fresh), limit)
        top = [one for one in nsmallest(limit, named, key=_most_first) if one[1] > 0]
        rest = spent - unknown - sum(bad for _, bad in top)
        found = [*top, (NO_DATA, unknown), (OTHERS, rest)]
        return [Line(who, bad, bad / allowed if allowed else None) for who, bad in found if bad > 0]

    def _since(self, start_ms: int) -> list[tuple[str, float]]:
        """Who spent how much in whole buckets since then, the most first; kept until something is entered."""
        buckets, length = self.days, DAY_MS
        if start_ms // HOUR_MS > max(self.hours, default=0) - _HOURS_KEPT:
            buckets, length = self.hours, HOUR_MS
        first = -(-start_ms // length)
        if self._ranked is None or self._ranked[0] != (first, length):
            named: Names = {}
            for _, names in sorted(item for item in buckets.items() if item[0] >= first):
                for who, bad in names.items():
                    named[who] = named.get(who, 0.0) + bad
            self._ranked = (first, length), sorted(named.items(), key=_most_first)
        return self._ranked[1]


def _most_first(one: tuple[str, float]) -> tuple[float, str]:
    return -one[1], one[0]


def _prune(names: Names) -> None:
    if len(names) > 2 * KEPT_NAMES:
        for who, _ in sorted(names.items(), key=_most_first)[KEPT_NAMES:]:
            del names[who]


def _forget(buckets: dict[int, Names], oldest: int) -> list[int]:
    gone = [one for one in buckets if one < oldest]
    for number in gone:
        del buckets[number]
    return gone
