"""A schedule: calendars of shifts, overrides before them, and who is told in its gaps."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from incidents.oncall.calendar import RotaCalendar, Shift

LOOKAHEAD_MS: Final = 14 * 86_400_000
"""How far ahead it is looked for when a turn ends."""
Source = Literal["override", "shift", "gap"]


class OnCall(NamedTuple):
    """Whose turn it is.

    Parameters
    ----------
    people
        Who is on call; nobody in a gap.
    source
        An override, a shift, or a gap.
    from_ms, until_ms
        While this holds, as far as was looked.
    calendar
        Name of the calendar that says so; empty in a gap.
    """

    people: tuple[str, ...]
    source: Source
    from_ms: int
    until_ms: int
    calendar: str = ""


class Gap(NamedTuple):
    """A time at which nobody is on call."""

    schedule: str
    from_ms: int
    until_ms: int


class OnCallSchedule:
    """Who is on call when: the highest level of the overrides at a time, else of the shifts.

    Parameters
    ----------
    name
        Its own.
    calendars
        Of shifts; where shifts of one level lie at one time, all their people are on call.
    overrides
        Calendars that count before those.
    fallback
        Name of the receiver that is told in gaps; empty for none.
    regions
        Values of the label ``region`` whose alerts are this schedule's.
    time_zone
        Whose clocks its times are shown by; without one those of its first calendar.

    Examples
    --------
    >>> schedule = OnCallSchedule("eu", [], fallback="managers")
    >>> schedule.at(0).source, [one.until_ms for one in schedule.gaps(0, 1000)]
    ('gap', [1000])
    """

    def __init__(
        self,
        name: str,
        calendars: Sequence[RotaCalendar],
        overrides: Sequence[RotaCalendar] = (),
        *,
        fallback: str = "",
        regions: Sequence[str] = (),
        time_zone: ZoneInfo | None = None,
    ) -> None:
        self.name = name
        self.calendars = tuple(calendars)
        self.overrides = tuple(overrides)
        self.fallback = fallback
        self.regions = frozenset(regions)
        first = self.calendars[0].time_zone if self.calendars else ZoneInfo("UTC")
        self.time_zone = time_zone or first

    def at(self, at_ms: int) -> OnCall:
        """Whose turn it is at a time, and until when.

        The end is that of the turn, or the farthest that is looked ahead.
        """
        return self.turns(at_ms, at_ms + LOOKAHEAD_MS)[0]

    def gaps(self, from_ms: int, until_ms: int) -> list[Gap]:
        """Times in a span at which nobody is on call."""
        return [
            Gap(self.name, one.from_ms, one.until_ms) for one in self.turns(from_ms, until_ms) if one.source == "gap"
        ]

    def turns(self, from_ms: int, until_ms: int) -> list[OnCall]:
        """Who is on call one after the other in a span, without holes.

        Raises
        ------
        ValueError
            If the span is empty.
        """
        if from_ms >= until_ms:
            raise ValueError("the span is empty")
        overrides, shifts = _named(self.overrides, from_ms, until_ms), _named(self.calendars, from_ms, until_ms)
        bounds = {from_ms, until_ms}
        for _, one in [*overrides, *shifts]:
            bounds |= {ms for ms in (one.start_ms, one.end_ms) if from_ms < ms < until_ms}
        ordered = sorted(bounds)
        found: list[OnCall] = []
        for start_ms, end_ms in itertools.pairwise(ordered):
            turn = _turn(overrides, shifts, start_ms, end_ms)
            if found and found[-1][:2] == turn[:2] and found[-1].calendar == turn.calendar:
                found[-1] = found[-1]._replace(until_ms=end_ms)
            else:
                found.append(turn)
        return found


def _named(calendars: Iterable[RotaCalendar], from_ms: int, until_ms: int) -> list[tuple[str, Shift]]:
    return [(one.name, shift) for one in calendars for shift in one.shifts(from_ms, until_ms)]


def _turn(
    overrides: Sequence[tuple[str, Shift]], shifts: Sequence[tuple[str, Shift]], start_ms: int, end_ms: int
) -> OnCall:
    sources: tuple[tuple[Source, Sequence[tuple[str, Shift]]], ...] = (("override", overrides), ("shift", shifts))
    for source, listed in sources:
        current = [pair for pair in listed if pair[1].start_ms <= start_ms < pair[1].end_ms]
        if current:
            level = max(one.level for _, one in current)
            top = [(name, one) for name, one in current if one.level == level]
            people = tuple(dict.fromkeys(person for _, one in top for person in one.people))
            return OnCall(people, source, start_ms, end_ms, top[0][0])
    return OnCall((), "gap", start_ms, end_ms)
