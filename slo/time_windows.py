"""OpenSLO's time windows: rolling ones, and those of the calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from models.calendar import zone_of
from schemas.yaml_values import Value
from slo.definition import CalendarUnit, CalendarWindow, RollingWindow
from slo.durations import UNITS_S, count_and_unit

_START = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
CALENDAR_UNITS: Final[Mapping[str, CalendarUnit]] = {
    "d": "day",
    "w": "week",
    "M": "month",
    "Q": "quarter",
    "Y": "year",
}
_LONGEST_S: Final = 400 * 86_400


def window_of(listed: Value) -> RollingWindow | CalendarWindow:
    """The window of an SLO's ``timeWindow``.

    Raises
    ------
    DefinitionError
        If it cannot hold.
    """
    items = listed.items()
    if len(items) != 1:
        raise listed.error(f"{len(items)} time windows, where one is wanted", "Make an SLO of each")
    fields = items[0].fields(("duration", "isRolling", "calendar"), ("duration",))
    duration = fields["duration"]
    text = duration.text()
    try:
        count, unit = count_and_unit(text)
    except ValueError as error:
        raise duration.error(str(error)[:100], "Write it like 12h, 28d, 4w or 1M") from error
    if count * UNITS_S[unit] > _LONGEST_S:
        raise duration.error(f"{text} is longer than 400 days", "Choose a shorter window")
    rolling = fields["isRolling"].boolean() if "isRolling" in fields else False
    if rolling == ("calendar" in fields):
        raise items[0].error(
            "a window is either rolling or of the calendar",
            "Write isRolling: true, or calendar with startTime and timeZone",
        )
    if rolling:
        return RollingWindow(duration_s=count * UNITS_S[unit])
    if unit not in CALENDAR_UNITS:
        raise duration.error(f"the calendar has no window of {text}", "Write it like 1d, 1w, 1M, 1Q or 1Y")
    start, time_zone = _calendar(fields["calendar"])
    return CalendarWindow(unit=CALENDAR_UNITS[unit], count=count, start=start, time_zone=time_zone)


def _calendar(value: Value) -> tuple[str, str]:
    fields = value.fields(("startTime", "timeZone"), ("startTime", "timeZone"))
    text = fields["startTime"].text()
    if not _is_time(text):
        raise fields["startTime"].error(f"{text[:40]!r} is no time", "Write it like 2026-01-01 00:00:00")
    zone = fields["timeZone"].text()
    try:
        zone_of(zone)
    except ValueError as error:
        raise fields["timeZone"].error(str(error)[:200], "Write a name of the IANA's, such as Europe/Berlin") from error
    return text, zone


def _is_time(text: str) -> bool:
    try:
        return _START.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:
        return False
