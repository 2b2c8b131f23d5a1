"""Days as people live them: time zones, weekends, public holidays, the ends of months."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

DayKind = Literal["workday", "weekend", "holiday", "month_end"]
DAY_KINDS: Final[tuple[DayKind, ...]] = ("workday", "weekend", "holiday", "month_end")
# Days whose kind is remembered.
_DAYS_KEPT: Final = 10_000
_WEEKEND: Final = frozenset({5, 6})
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(resources.files("tzdata").joinpath("zones").read_text().split())


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name, as the locked package has it: a replay elsewhere has the same hours.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in _zones():
        close = difflib.get_close_matches(name, _zones(), 1)
        raise ValueError(f"no time zone is called {name}" + (f"; the nearest name is {close[0]}" if close else ""))
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _known_zone(name: str) -> str:
    zone_of(name)
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]


def wall_time(time_ms: int, zone: ZoneInfo) -> datetime:
    """What clocks show there, without a zone."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(zone).replace(tzinfo=None)


def instant_ms(wall: datetime, zone: ZoneInfo) -> int:
    """When clocks show a wall time, in ms since the epoch, as RFC 5545 has it.

    An hour that comes twice is its first; one that is skipped is counted on from before the skip (02:30 is 03:30).

    Examples
    --------
    >>> berlin = zone_of("Europe/Berlin")
    >>> [str(wall_time(instant_ms(datetime(2026, month, day, 2, 30), berlin), berlin).time())
    ...  for month, day in ((3, 28), (3, 29), (10, 25))]
    ['02:30:00', '03:30:00', '02:30:00']
    """
    return (wall.replace(tzinfo=zone, fold=0) - _EPOCH) // timedelta(milliseconds=1)


class HolidaySettings(BaseModel):
    """Whose public holidays count."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    country: Annotated[str, Field(description="ISO 3166 code, e.g. DE; empty for no holidays.")] = ""
    subdivision: Annotated[str, Field(description="ISO 3166-2 code without the country, e.g. BY.")] = ""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if not self.country:
            if self.subdivision:
                raise ValueError(f"subdivision {self.subdivision} needs a country")
            return self
        known: dict[str, list[str]] = _library().list_supported_countries(include_aliases=False)
        if self.country not in known:
            raise ValueError(f"country {self.country} is not known; it is an ISO 3166 code such as DE")
        if self.subdivision and self.subdivision not in known[self.country]:
            names = ", ".join(known[self.country]) or "none"
            raise ValueError(f"subdivision {self.subdivision} is none of {self.country}'s, which are: {names}")
        return self


class CalendarSettings(HolidaySettings):
    """Where the people live whose days these are."""

    time_zone: Annotated[ZoneName, Field(description="IANA name, e.g. Europe/Berlin.")] = "UTC"


def _library() -> Any:
    """The library of holidays; it takes a quarter of a second to import, which only those pay who name a country."""
    return importlib.import_module("holidays")


class Calendar:
    """What kind of day a time falls on.

    Examples
    --------
    >>> calendar = Calendar(CalendarSettings(time_zone="Europe/Berlin", country="DE", subdivision="BY"))
    >>> epiphany_ms = instant_ms(datetime(2026, 1, 6, 9), zone_of("Europe/Berlin"))
    >>> calendar.is_holiday(epiphany_ms), calendar.day_kind(epiphany_ms), calendar.day_kind(epiphany_ms + 86_400_000)
    (True, 'holiday', 'workday')
    """

    def __init__(self, settings: CalendarSettings) -> None:
        self._zone = zone_of(settings.time_zone)
        self._holidays: Any = {}
        if settings.country:
            make = _library().country_holidays
            self._holidays = make(settings.country, subdiv=settings.subdivision or None)
        self._weekend: frozenset[int] = frozenset(getattr(self._holidays, "weekend", _WEEKEND))
        self._kinds: dict[date, DayKind] = {}

    def holidays(self, years: range) -> list[date]:
        """Public holidays of some years, in order."""
        days = (date(years.start, 1, 1) + number * _DAY for number in range((len(years) * 1461 + 3) // 4))
        return [day for day in days if day in self._holidays]

    @property
    def weekend(self) -> frozenset[int]:
        """Days of the week without work; Monday is 0."""
        return self._weekend

    def is_holiday(self, time_ms: int) -> bool:
        """Whether a time falls on a public holiday."""
        return self.kind_of(wall_time(time_ms, self._zone).date()) == "holiday"

    def day_kind(self, time_ms: int) -> DayKind:
        """The kind of day that a time falls on."""
        return self.kind_of(wall_time(time_ms, self._zone).date())

    def kind_of(self, day: date) -> DayKind:
        """A holiday, else a weekend, else the last workday of its month, else a workday."""
        if (kind := self._kinds.get(day)) is None:
            if len(self._kinds) >= _DAYS_KEPT:
                self._kinds.clear()
            kind = self._kinds[day] = self._find(day)
        return kind

    def _find(self, day: date) -> DayKind:
        if day in self._holidays:
            return "holiday"
        if day.weekday() in self._weekend:
            return "weekend"
        after = day + _DAY
        while after.month == day.month:
            if after not in self._holidays and after.weekday() not in self._weekend:
                return "workday"
            after += _DAY
        return "month_end"


# Beyond these years the clocks stay as they were last, and no day is a holiday.
_YEARS: Final = range(2010, 2045)
_NO_DAY: Final = 2**30
_NO_HOUR: Final = 2**60


def _clock_changes(zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Hours since 1970 from which clocks are so many whole hours ahead of UTC."""

    def offset(hour: int) -> int:
        shift = (_EPOCH + timedelta(hours=hour)).astimezone(zone).utcoffset() or timedelta()
        return shift // timedelta(hours=1)

    hour = (datetime(_YEARS.start, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(hours=1)
    yield hour, offset(hour)
    for _ in range(len(_YEARS) * 366):
        if offset(hour + 24) != offset(hour):
            change = next(one for one in range(hour + 1, hour + 25) if offset(one) != offset(hour))
            yield change, offset(change)
        hour += 24


@lru_cache(maxsize=8)
def week_of(settings: CalendarSettings) -> Mapping[str, npt.NDArray[np.int64] | int]:
    """Whose hours of the week these are, as ``streams.clocks.WEEK``."""
    calendar = calendar_of(settings)
    changes = list(_clock_changes(zone_of(settings.time_zone)))
    days = [day.toordinal() - date(1970, 1, 1).toordinal() for day in calendar.holidays(_YEARS)][:1024]
    from_h, offset_h, holidays = np.full(128, _NO_HOUR), np.zeros(128, np.int64), np.full(1024, _NO_DAY)
    from_h[: len(changes)] = [hour for hour, _ in changes][:128]
    offset_h[: len(changes)] = [shift for _, shift in changes][:128]
    holidays[: len(days)] = days
    free = np.array([day in calendar.weekend for day in range(7)], np.int64)
    last = max(calendar.weekend, default=6)
    return {"from_h": from_h, "offset_h": offset_h, "holidays": holidays, "free": free, "holiday_as": last}


@lru_cache(maxsize=64)
def calendar_of(settings: CalendarSettings) -> Calendar:
    """A calendar with its days remembered, one for all that ask alike."""
    return Calendar(settings)
