"""Schedules as they stand in the file of routes: its list ``schedules``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incidents.oncall.calendar import RotaCalendar
from incidents.oncall.schedule import OnCallSchedule
from schemas.errors import ConfigurationError
from schemas.yaml_values import DefinitionError, Value, read_documents

SCHEDULE_FIELDS: Final = ("name", "ics", "overrides", "timezone", "fallback", "regions")
"""Keys of a schedule."""
ReadFile = Callable[[str], str]
"""Gives the text of a calendar by its path as it stands in the file; ``ConfigurationError`` if it cannot be read."""

_ReadT = TypeVar("_ReadT")


@dataclass(slots=True)
class Reading:
    """The schedules of a file, and what is wrong with them."""

    schedules: list[OnCallSchedule] = field(default_factory=list)
    problems: list[ConfigurationError] = field(default_factory=list)


def read_schedules(content: str | bytes, file: str, read_file: ReadFile) -> Reading:
    """The schedules of a file of routes; its other keys are somebody else's.

    Parameters
    ----------
    content
        YAML with a list ``schedules``.
    file
        Its name.
    read_file
        Gives the text of a calendar.

    Examples
    --------
    >>> str(read_schedules("schedules: [{name: eu}]", "alerting.yaml", str).problems[0])
    'alerting.yaml:1: schedules[0]: ics is missing. Add ics'
    """
    found = Reading()
    empty = DefinitionError(file, 1, "there is nothing in it", "Write schedules: [...]")
    roots, problems = read_documents(content, file, lambda root: root.mapping(), empty)
    found.problems += problems
    taken: dict[str, int] = {}
    for root in roots:
        if "schedules" in root:
            _read_list(root["schedules"], read_file, taken, found)
    return found


def _read_list(value: Value, read_file: ReadFile, taken: dict[str, int], found: Reading) -> None:
    try:
        listed = value.items()
    except DefinitionError as error:
        found.problems.append(error)
        return
    for one in listed:
        try:
            schedule = _schedule(one, read_file)
            first = taken.setdefault(schedule.name, one.line)
            if first != one.line:
                raise one.error(f"a second schedule {schedule.name}; the first stands on line {first}", "Rename one")
            found.schedules.append(schedule)
        except ConfigurationError as error:
            found.problems.append(error)


def _schedule(value: Value, read_file: ReadFile) -> OnCallSchedule:
    given = value.fields(SCHEDULE_FIELDS, ("name", "ics"))
    zone = _zone(given["timezone"]) if "timezone" in given else None

    def rota(one: Value) -> RotaCalendar:
        path = one.text(1000)
        try:
            text = read_file(path)
        except ConfigurationError as error:
            raise one.error(error.what, error.way_out) from error
        return RotaCalendar(text, path, zone)

    return OnCallSchedule(
        given["name"].text(200),
        _some(given["ics"], rota),
        _some(given["overrides"], rota) if "overrides" in given else (),
        fallback=given["fallback"].text(200) if "fallback" in given else "",
        regions=texts_of(given["regions"]) if "regions" in given else (),
        time_zone=zone,
    )


def texts_of(value: Value) -> tuple[str, ...]:
    """One text or a list of them.

    Raises
    ------
    DefinitionError
        If it is neither.
    """
    return tuple(_some(value, lambda one: one.text(1000)))


def _some(value: Value, read: Callable[[Value], _ReadT]) -> list[_ReadT]:
    """One or a list of them."""
    return [read(one) for one in value.items()] if value.is_list else [read(value)]


def _zone(value: Value) -> ZoneInfo:
    text = value.text(100)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise value.error(f"there is no time zone {text!r}", "Take a name like Europe/Berlin") from error
