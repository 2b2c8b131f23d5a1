"""All schedules: which one an alert is of, how they travel as a setting, and the alert that tells of a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incidents.oncall.calendar import RotaCalendar
from incidents.oncall.schedule import Gap, OnCall, OnCallSchedule
from schemas.command_events import PostedAlert
from schemas.errors import SchemaError
from schemas.yaml_values import DefinitionError

SUBJECT: Final = "oncall"
"""Subject of the setting that brings schedules to the stage that tells people."""
UNCOVERED: Final = "OnCallUncovered"
REGION: Final = "region"


class OnCallBook:
    """Schedules by name, and by the regions that are theirs.

    Parameters
    ----------
    schedules
        A region that two have is the first one's.

    Examples
    --------
    >>> book = OnCallBook([OnCallSchedule("eu", [], regions=["eu-west-1"]), OnCallSchedule("us", [])])
    >>> book.schedule_for({"region": "eu-west-1"}, "us").name, book.schedule_for({"region": "mars"}, "us").name
    ('eu', 'us')
    """

    def __init__(self, schedules: Sequence[OnCallSchedule] = ()) -> None:
        self.schedules = {one.name: one for one in schedules}
        self._of_region: dict[str, OnCallSchedule] = {}
        for one in schedules:
            for region in one.regions:
                self._of_region.setdefault(region, one)

    def schedule_for(self, labels: Mapping[str, str], usual: str = "") -> OnCallSchedule | None:
        """The schedule of an alert's region, else that of the name that its receiver gives; None if there is none."""
        return self._of_region.get(labels.get(REGION, "")) or self.schedules.get(usual)

    def on_call(self, labels: Mapping[str, str], usual: str, at_ms: int) -> OnCall | None:
        """Whose turn it is for an alert; None without a schedule."""
        schedule = self.schedule_for(labels, usual)
        return None if schedule is None else schedule.at(at_ms)

    def gaps(self, from_ms: int, until_ms: int) -> list[Gap]:
        """Times in a span at which nobody is on call, by schedule."""
        return [gap for one in self.schedules.values() for gap in one.gaps(from_ms, until_ms)]

    def public(self) -> dict[str, Any]:
        """As JSON has it: the body of a setting of subject ``oncall``."""
        return {
            "schedules": [
                {
                    "name": one.name,
                    "time_zone": one.time_zone.key,
                    "fallback": one.fallback,
                    "regions": sorted(one.regions),
                    "calendars": [_rota(rota) for rota in one.calendars],
                    "overrides": [_rota(rota) for rota in one.overrides],
                }
                for one in self.schedules.values()
            ]
        }

    @classmethod
    def from_public(cls, body: Mapping[str, Any]) -> Self:
        """From what ``public`` gave.

        Raises
        ------
        SchemaError
            If it is something else.
        """
        try:
            return cls([_schedule(one) for one in body["schedules"]])
        except (KeyError, TypeError, ValueError, ZoneInfoNotFoundError, DefinitionError) as error:
            raise SchemaError(f"not an {SUBJECT} setting: {type(error).__name__}: {error}") from error


def _rota(rota: RotaCalendar) -> dict[str, str]:
    return {"name": rota.name, "time_zone": rota.time_zone.key, "text": rota.text}


def _schedule(body: Mapping[str, Any]) -> OnCallSchedule:
    calendars, overrides = (
        [RotaCalendar(one["text"], one["name"], ZoneInfo(one["time_zone"])) for one in body[key]]
        for key in ("calendars", "overrides")
    )
    return OnCallSchedule(
        body["name"],
        calendars,
        overrides,
        fallback=body["fallback"],
        regions=body["regions"],
        time_zone=ZoneInfo(body["time_zone"]),
    )


def uncovered(gap: Gap, fallback: str) -> PostedAlert:
    """The alert that tells of a gap: a ticket that lasts as long as the gap does.

    Examples
    --------
    >>> one = uncovered(Gap("eu", 1_767_600_000_000, 1_767_628_800_000), "managers")
    >>> one.labels, one.ends_ms
    ({'alertname': 'OnCallUncovered', 'schedule': 'eu', 'priority': 'P2', 'severity': 'warning'}, 1767628800000)
    """
    told = f"{fallback} is told instead" if fallback else "pages reach nobody"
    return PostedAlert(
        labels={"alertname": UNCOVERED, "schedule": gap.schedule, "priority": "P2", "severity": "warning"},
        annotations={"summary": f"Nobody is on call in {gap.schedule}: {told}"},
        starts_ms=gap.from_ms,
        ends_ms=gap.until_ms,
    )
