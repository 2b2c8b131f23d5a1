"""Windows of maintenance: when nothing of what they select is judged, and nothing learned from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationInfo, field_validator

from models.calendar import (
    CalendarSettings,
    DayKind,
    HolidaySettings,
    calendar_of,
    instant_ms,
    wall_time,
    zone_of,
)
from models.recurrence import recurrence
from models.rules import matchers_of, may_select, read_setting, selects
from schemas.events import Setting
from schemas.series import Series

MAX_DURATION_S: Final = 31_622_400
MAX_WINDOWS: Final = 1000
_YEARS: Final = (1970, 3000)
_DAY: Final = timedelta(days=1)


class Span(NamedTuple):
    """From a moment on and before another, in ms since the epoch."""

    from_ms: int
    until_ms: int


def _as_text(given: object) -> object:
    """YAML makes dates of what looks like one."""
    if isinstance(given, list):
        return [_as_text(one) for one in given]
    return given.isoformat() if isinstance(given, date) else given


def _moment(text: str) -> datetime:
    """RFC 3339 text, its offset optional."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is no time like 2026-10-24T02:00 or 2026-10-24T02:00:00+02:00") from None
    if not _YEARS[0] <= found.year < _YEARS[1]:
        raise ValueError(f"{text}: years are from {_YEARS[0]} to {_YEARS[1] - 1}")
    return found.replace(microsecond=0)


class MaintenanceWindow(BaseModel):
    """A stretch of time, once or again and again.

    Examples
    --------
    >>> backup = MaintenanceWindow(
    ...     name="backup", start="2026-10-24T02:00", duration_s=3600, rrule="FREQ=DAILY", time_zone="Europe/Berlin"
    ... )
    >>> days = backup.spans(1_792_800_000_000, 1_793_059_200_000)  # the clocks go back on the 25th
    >>> [(one.from_ms // 3_600_000 % 24, one.until_ms - one.from_ms) for one in days]
    [(0, 3600000), (0, 3600000), (1, 3600000)]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: Annotated[str, Field(min_length=1, max_length=100, description="Its own among the windows.")]
    start: Annotated[
        str, Field(description="When it first begins: wall time (2026-10-24T02:00), or RFC 3339 with an offset.")
    ]
    duration_s: Annotated[
        float, Field(gt=0, le=MAX_DURATION_S, description="How long it lasts; seconds that pass, whatever clocks do.")
    ]
    time_zone: Annotated[
        str | None, Field(description="IANA name of its wall time; `detect.calendar.time_zone` if absent.")
    ] = None
    rrule: Annotated[
        str,
        Field(description="RFC 5545 recurrence, e.g. FREQ=WEEKLY;BYDAY=SU, in wall time; empty for once."),
    ] = ""
    days: Annotated[
        list[DayKind],
        Field(description="Only on such days of the calendar; without an rrule every one of them. Empty for any."),
    ] = []
    exdates: Annotated[
        list[str], Field(description="Beginnings that are left out; a date leaves out all of its day.")
    ] = []
    holidays: Annotated[
        HolidaySettings | None, Field(description="Whose holidays `days` means; those of `detect.calendar` if absent.")
    ] = None
    select: Annotated[str, Field(description="Series, as in a threshold rule; empty for all.")] = ""
    tenant: Annotated[str | None, Field(description="Only series of this tenant.")] = None

    @field_validator("select")
    @classmethod
    def _selects(cls, selector: str) -> str:
        if selector:
            matchers_of(selector)
        return selector

    @field_validator("start", "exdates", mode="before")
    @classmethod
    def _texts(cls, given: object) -> object:
        return _as_text(given)

    @field_validator("start")
    @classmethod
    def _is_a_time(cls, start: str) -> str:
        _moment(start)
        return start

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        if name is not None:
            zone_of(name)
        return name

    @field_validator("rrule")
    @classmethod
    def _recurs(cls, rule: str, info: ValidationInfo) -> str:
        if rule and "start" in info.data:
            recurrence(rule, _wall(info.data["start"], info.data.get("time_zone") or "UTC"))
        return rule

    @field_validator("exdates")
    @classmethod
    def _has_more(cls, exdates: list[str], info: ValidationInfo) -> list[str]:
        for one in exdates:
            _moment(one)
        if exdates and not info.data.get("rrule", True) and not info.data.get("days", True):
            raise ValueError("a window that comes once has nothing to leave out; give it an rrule")
        return exdates

    def in_calendar(self, calendar: CalendarSettings) -> MaintenanceWindow:
        """The same with its time zone and holidays said, so that nothing else decides when it is.

        Raises
        ------
        ValueError
            If it goes by holidays and nobody says whose.
        """
        zone = self.time_zone or calendar.time_zone
        holidays = self.holidays or HolidaySettings(country=calendar.country, subdivision=calendar.subdivision)
        if "holiday" in self.days and not holidays.country:
            raise ValueError(f"maintenance {self.name} is on holidays; set holidays or calendar: {{country: DE}}")
        return self.model_copy(update={"time_zone": zone, "holidays": holidays if self.days else None})

    def matches(self, series: Series) -> bool:
        """Whether it is about a series."""
        if self.tenant is not None and self.tenant != series.tenant:
            return False
        return not self.select or selects(self.select, series)

    def may_match(self, metric: str) -> bool:
        """Whether it could be about a series of that metric."""
        return not self.select or may_select(self.select, metric)

    def spans(self, from_ms: int, until_ms: int) -> list[Span]:
        """When it is, as far as that touches a stretch of event time; in order, and they may overlap."""
        length_ms = int(self.duration_s * 1000)
        begins = self._begins_ms(max(0, from_ms - length_ms), until_ms)
        return [Span(one, one + length_ms) for one in begins if one < until_ms and one + length_ms > from_ms]

    def _begins_ms(self, from_ms: int, until_ms: int) -> Iterator[int]:
        """Beginnings about a stretch of event time."""
        zone, once = zone_of(self.time_zone or "UTC"), _moment(self.start)
        if once.tzinfo is not None and not self.rrule and not self.days:
            return iter([int(once.timestamp() * 1000)])
        # Clocks jump by less than a day.
        first, last = wall_time(from_ms, zone) - _DAY, wall_time(until_ms, zone) + _DAY
        return (instant_ms(one, zone) for one in self._begins(first, last))

    def _begins(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Beginnings from a wall time on and before another."""
        zone_name = self.time_zone or "UTC"
        start = _wall(self.start, zone_name)
        out = {_moment(one).date() if _is_day(one) else _wall(one, zone_name) for one in self.exdates}
        rule = self.rrule or ("FREQ=DAILY" if self.days else "")
        every = _recurrence(rule, start).between(first, last) if rule else [start]
        for one in every:
            if one not in out and one.date() not in out and self._is_of_days(one.date()):
                yield one

    def _is_of_days(self, day: date) -> bool:
        if not self.days:
            return True
        holidays = self.holidays or HolidaySettings()
        calendar = CalendarSettings(country=holidays.country, subdivision=holidays.subdivision)
        return calendar_of(calendar).kind_of(day) in self.days


_recurrence = lru_cache(maxsize=1024)(recurrence)


def _is_day(text: str) -> bool:
    return len(text) == len("2026-10-24")


def _wall(text: str, zone_name: str) -> datetime:
    """A moment as clocks of a zone show it."""
    found = _moment(text)
    if found.tzinfo is None:
        return found
    return found.astimezone(zone_of(zone_name)).replace(tzinfo=None)


def distinct_windows(windows: list[MaintenanceWindow]) -> list[MaintenanceWindow]:
    """Windows no two of which have one name.

    Raises
    ------
    ValueError
        If two have, or if there are too many.
    """
    if len(windows) > MAX_WINDOWS:
        raise ValueError(
            f"{len(windows)} maintenance windows, {MAX_WINDOWS} are the most; one selector takes many series"
        )
    twice = sorted(name for name, count in Counter(one.name for one in windows).items() if count > 1)
    if twice:
        raise ValueError(f"maintenance windows of one name: {', '.join(twice)}")
    return windows


_WINDOWS: Final[TypeAdapter[list[MaintenanceWindow]]] = TypeAdapter(
    Annotated[list[MaintenanceWindow], AfterValidator(distinct_windows)]
)


def windows_of(setting: Setting) -> list[MaintenanceWindow]:
    """The maintenance windows that a setting brings.

    Raises
    ------
    SchemaError
        If they cannot be read.
    """
    return read_setting(_WINDOWS, setting.body.get("windows", []), "maintenance")
