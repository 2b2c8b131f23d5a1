"""Which span of time an objective is about: the last so many days, or this day, week, month of a zone's own clock.

A calendar window begins when its zone's clock shows its start: a day on which clocks change has 23 or 25 hours. A
start that the clocks skip is moved on by what they skip; one that they show twice is the first of the two.
"""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.errors import ConfigurationError
from slo.definition import CalendarUnit, CalendarWindow

DAY_S: Final = 86_400
PERIODS_S: Final = {"daily": DAY_S, "weekly": 7 * DAY_S, "monthly": 30 * DAY_S}
"""Rolling periods of which every SLO's budget is told, besides its own."""
_DAYS: Final[dict[CalendarUnit, int]] = {"day": 1, "week": 7}
_MONTHS: Final[dict[CalendarUnit, int]] = {"month": 1, "quarter": 3, "year": 12}
_FORMATS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")


class Period(NamedTuple):
    """From ``start_ms`` until before ``end_ms``, event time."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is in real time, whatever clocks show."""
        return self.end_ms - self.start_ms


class Calendar:
    """Consecutive windows of a zone's calendar.

    Parameters
    ----------
    window
        Unit, count, zone, and when one of the windows began.

    Raises
    ------
    ConfigurationError
        If there is no such zone, or the start is no time.

    Examples
    --------
    The day on which Berlin's clocks go forward has 23 hours.

    >>> days = Calendar(CalendarWindow(unit="day", start="2026-01-01 00:00:00", time_zone="Europe/Berlin"))
    >>> noon_ms = int(dt.datetime(2026, 3, 29, 12, tzinfo=dt.UTC).timestamp() * 1000)
    >>> days.at(noon_ms).length_ms / 3_600_000
    23.0
    """

    def __init__(self, window: CalendarWindow) -> None:
        try:
            self._zone = ZoneInfo(window.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(f"no time zone {window.time_zone!r}", "Name one as in Europe/Berlin") from error
        self._start = _parse(window.start)
        self._days = _DAYS.get(window.unit, 0) * window.count
        self._months = _MONTHS.get(window.unit, 0) * window.count

    def at(self, at_ms: int) -> Period:
        """The window that holds an event time."""
        number = self._guess(at_ms)
        while self._begins_ms(number) > at_ms:
            number -= 1
        while self._begins_ms(number + 1) <= at_ms:
            number += 1
        return Period(self._begins_ms(number), self._begins_ms(number + 1))

    def _guess(self, at_ms: int) -> int:
        local = dt.datetime.fromtimestamp(at_ms / 1000, self._zone)
        if self._days:
            return (local.date() - self._start.date()).days // self._days
        months = (local.year - self._start.year) * 12 + local.month - self._start.month
        return months // self._months

    def _begins_ms(self, number: int) -> int:
        if self._days:
            local = self._start + dt.timedelta(days=number * self._days)
        else:
            year, month = divmod(self._start.year * 12 + self._start.month - 1 + number * self._months, 12)
            # The 31st of a month that has none is its last day.
            day = min(self._start.day, calendar.monthrange(year, month + 1)[1])
            local = self._start.replace(year=year, month=month + 1, day=day)
        return round(local.replace(tzinfo=self._zone).timestamp()) * 1000


def _parse(text: str) -> dt.datetime:
    for form in _FORMATS:
        try:
            return dt.datetime.strptime(text, form)  # noqa: DTZ007  # the zone is named apart
        except ValueError:
            continue
    raise ConfigurationError(f"a window that starts at {text!r}", "Write it as 2026-01-01 00:00:00")
