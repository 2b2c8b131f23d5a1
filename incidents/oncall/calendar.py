"""Shifts of an iCalendar file: recurring events, their exceptions and changed instances, in any time zone.

A shift's people stand in its summary, separated by commas; ``[L1]`` before them is its level, the higher the more it
counts, as Grafana OnCall reads it: https://grafana.com/docs/oncall/latest/manage/on-call-schedules/ical-schedules/

References
----------
RFC 5545, https://www.rfc-editor.org/rfc/rfc5545
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import recurring_ical_events
from icalendar.timezone import tzp

from schemas.yaml_values import DefinitionError

MOST_CHARACTERS: Final = 1_000_000
MOST_EVENTS: Final = 5000
MOST_PEOPLE: Final = 20
_LEVEL: Final = re.compile(r"\[L([0-9]{1,3})\]")
_TOO_OFTEN: Final = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_WITHIN_A_DAY: Final = ("BYMINUTE", "BYSECOND")
_ONCE: Final = ("UID", "DTSTART", "DTEND", "DURATION", "SUMMARY", "STATUS", "RECURRENCE-ID")
# A rule is counted through from its start: one of the year 1 would take seconds a week.
_EARLIEST: Final = 2000
_LATEST: Final = 2200
_DAY: Final = timedelta(days=1)
_LONGEST: Final = timedelta(days=31)
_THEIRS: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RecursionError)
"""What the libraries raise on what is no calendar."""
_BLOCK_MS: Final = 7 * 86_400_000
_BLOCKS_KEPT: Final = 64
_LATEST_MS: Final = 7_289_654_400_000
"""The end of the year 2200."""


class Shift(NamedTuple):
    """A time at which some people are on call.

    Parameters
    ----------
    start_ms, end_ms
        From when, and until when, exclusive.
    level
        Of shifts at one time those of the highest count.
    people
        In the order of the summary.
    title
        The summary itself.
    """

    start_ms: int
    end_ms: int
    level: int
    people: tuple[str, ...]
    title: str


class RotaCalendar:
    r"""One calendar of shifts.

    Parameters
    ----------
    text
        iCalendar, RFC 5545.
    name
        Its file's, for errors.
    time_zone
        Of times that name none, and of whole days; without one it is the calendar's own, else UTC.

    Raises
    ------
    DefinitionError
        If it is none, or an event of it cannot be computed; the line is the event's.

    Examples
    --------
    >>> event = ["BEGIN:VEVENT", "UID:1", "DTSTART:20260105T080000Z", "DTEND:20260105T160000Z", "SUMMARY:[L1] ann, bob"]
    >>> lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *event, "END:VEVENT", "END:VCALENDAR"]
    >>> rota = RotaCalendar("\r\n".join(lines), "rota.ics", ZoneInfo("UTC"))
    >>> rota.shifts(1_767_600_000_000, 1_767_686_400_000)
    [Shift(start_ms=1767600000000, end_ms=1767628800000, level=1, people=('ann', 'bob'), title='[L1] ann, bob')]
    """

    def __init__(self, text: str, name: str, time_zone: ZoneInfo | None = None) -> None:
        self.name = name
        self.text = text
        calendar = _parsed(text, name)
        _check(calendar, text, name)
        self.time_zone = time_zone or _own_zone(calendar)
        self._query = recurring_ical_events.of(calendar, skip_bad_series=True)
        self._block = lru_cache(maxsize=_BLOCKS_KEPT)(self._shifts_of)

    def shifts(self, from_ms: int, until_ms: int) -> list[Shift]:
        """The shifts that lie in a span, or reach into it, by their start."""
        found: set[Shift] = set()
        for block in range(from_ms // _BLOCK_MS, -(-until_ms // _BLOCK_MS)):
            found.update(one for one in self._block(block) if one.start_ms < until_ms and one.end_ms > from_ms)
        return sorted(found)

    def _shifts_of(self, block: int) -> tuple[Shift, ...]:
        start_ms = block * _BLOCK_MS
        if not 0 <= start_ms < _LATEST_MS:
            return ()
        # A day more on both sides: times without a zone are compared as if they were in UTC.
        start = datetime.fromtimestamp(start_ms / 1000, UTC)
        events = self._query.between(start - _DAY, start + 8 * _DAY)
        return tuple(shift for event in events if (shift := self._shift(event)) is not None)

    def _shift(self, event: Any) -> Shift | None:
        title = str(event.get("SUMMARY", "")).strip()
        people = people_of(title)
        if not people or str(event.get("STATUS", "")).upper() == "CANCELLED":
            return None
        start_ms, end_ms = self._ms(event.start), self._ms(event.end)
        return Shift(start_ms, end_ms, level_of(title), people, title) if start_ms < end_ms else None

    def _ms(self, given: date | datetime) -> int:
        moment = given if isinstance(given, datetime) else datetime(given.year, given.month, given.day)  # noqa: DTZ001
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.time_zone)
        return round(moment.timestamp() * 1000)


def _own_zone(calendar: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(calendar.get("X-WR-TIMEZONE", "UTC")))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def people_of(summary: str) -> tuple[str, ...]:
    """The people of a shift's summary.

    Examples
    --------
    >>> people_of("[L2] @ann, bob@example.org,, ann"), people_of("[L1]")
    (('ann', 'bob@example.org'), ())
    """
    names = (name.strip().removeprefix("@") for name in _LEVEL.sub("", summary, count=1).split(","))
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_PEOPLE]


def level_of(summary: str) -> int:
    """The level of a shift's summary; 0 where it names none.

    Examples
    --------
    >>> level_of("[L2] ann"), level_of("ann [L2]"), level_of("ann")
    (2, 0, 0)
    """
    found = _LEVEL.match(summary)
    return int(found[1]) if found else 0


def _parsed(text: str, name: str) -> Any:
    if len(text) > MOST_CHARACTERS:
        raise DefinitionError(name, 1, f"{len(text):,} characters, where {MOST_CHARACTERS:,} are the most", "Split it")
    try:
        calendar = _read(text)
    except _THEIRS as error:
        raise DefinitionError(name, 1, f"not iCalendar ({_first_line(error)})", "Export it anew as .ics") from error
    if not isinstance(calendar, icalendar.Calendar):
        raise DefinitionError(name, 1, "there is no VCALENDAR in it", "Export it anew as .ics")
    return calendar


def _read(text: str) -> Any:
    # The library keeps zones that one file defines for all later ones, and knows those below an event too late.
    tzp.use_default()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calendar = icalendar.Calendar.from_ical(text)
        is_late = text.rfind("BEGIN:VTIMEZONE") > text.find("BEGIN:VEVENT")
        return icalendar.Calendar.from_ical(text) if is_late else calendar


def _check(calendar: Any, text: str, name: str) -> None:
    """Refuse what cannot be computed, or would take for ever."""
    events = calendar.walk("VEVENT")
    if len(events) > MOST_EVENTS:
        raise DefinitionError(
            name, 1, f"{len(events):,} events, where {MOST_EVENTS:,} are the most", "Let go of old ones"
        )
    lines = list(_starts(text))
    try:
        for line, event in zip(lines, events, strict=True):
            for what, way_out in _wrong(event):
                raise DefinitionError(name, line, what, way_out)
        recurring_ical_events.of(calendar).between(datetime(2026, 1, 1, tzinfo=UTC), _DAY)
    except _THEIRS as error:
        raise DefinitionError(name, 1, f"its events cannot be computed ({_first_line(error)})", "Mend them") from error


def _starts(text: str) -> Iterator[int]:
    """The lines on which events begin."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().upper() == "BEGIN:VEVENT":
            yield number


def _wrong(event: Any) -> Iterator[tuple[str, str]]:
    if event.errors:
        field, error = event.errors[0]
        yield f"{field} cannot be read ({_first_line(error)})", "Mend the event"
    if twice := [name for name in _ONCE if isinstance(event.get(name), list)]:
        yield f"{twice[0]} stands twice in one event", "Keep one of them"
        return
    if "DTSTART" not in event:
        yield "the event has no DTSTART", "Say when it begins"
        return
    yield from _wrong_start(event["DTSTART"])
    if _rules(event) and event.end - event.start > _LONGEST:
        yield f"a shift that comes back and lasts {(event.end - event.start).days} days", "Let it last a month at most"
    for rule in _rules(event):
        often = {str(one).upper() for one in rule.get("FREQ", [])} & _TOO_OFTEN
        if often:
            yield f"a shift that comes back {min(often)} is none", "Repeat it by the day, the week or the month"
        if any(len(rule.get(name, [])) > 1 for name in _WITHIN_A_DAY):
            yield "a shift that comes back within the hour is none", "Repeat it by the day, the week or the month"


def _wrong_start(start: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(start.dt, date):
        yield "DTSTART is no time", "Say when it begins"
        return
    if not _EARLIEST <= start.dt.year <= _LATEST:
        yield f"a shift that begins in the year {start.dt.year}", f"Let it begin from {_EARLIEST} to {_LATEST}"
    zone = start.params.get("TZID")
    if zone and isinstance(start.dt, datetime) and start.dt.tzinfo is None:
        yield f"there is no time zone {str(zone)[:80]!r}", "Add its VTIMEZONE, or take a name like Europe/Berlin"


def _rules(event: Any) -> list[Any]:
    found = event.get("RRULE")
    return [] if found is None else found if isinstance(found, list) else [found]


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0][:120] or type(error).__name__
