"""Figures of alerts and incidents, as the records have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from integrations.records.sre_health import Accuracy, RepairTimes, shift_of
from integrations.records.store import IncidentGroup, Volume, VolumeGroup, VolumePeriod
from integrations.stores import MOST_A_PAGE, Page
from schemas.notification_events import Notification
from schemas.topics import DAY_MS

WEEK_MS: Final = 7 * DAY_MS
PAGES_A_SHIFT: Final = 2
"""More leave no time to deal with each: https://sre.google/sre-book/being-on-call/ (balance in quantity)."""
_PAGING: Final = frozenset({"P0", "P1"})


class HealthRecords(Protocol):
    """What ``integrations.records.store.RecordsStore`` counts."""

    def mttr(
        self, tenant: str, by: IncidentGroup = "all", since_ms: int | None = None, until_ms: int | None = None
    ) -> list[RepairTimes]:
        """How long incidents took."""

    def volume(
        self,
        tenant: str,
        period: VolumePeriod = "day",
        by: VolumeGroup = "all",
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[Volume]:
        """How many alerts began."""

    def accuracy(
        self, tenant: str, by: Any = "rule", since_ms: int | None = None, until_ms: int | None = None
    ) -> list[Accuracy]:
        """How many of them needed action."""

    def notifications(
        self, tenant: str, incident_id: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[Notification]:
        """What was told, the last first."""


@dataclass(frozen=True, slots=True)
class Week:
    """What people said of the alerts that began in a week.

    Parameters
    ----------
    start_ms
        Of the week; the first is cut off by the time that is looked at.
    accuracy
        None where no alert began.
    """

    start_ms: int
    accuracy: Accuracy | None


@dataclass(frozen=True, slots=True)
class PagesOfShift:
    """How often a receiver was paged in a shift."""

    start_ms: int
    receiver: str
    pages: int


@dataclass(frozen=True, slots=True)
class AlertHealth:
    """How it went.

    Parameters
    ----------
    tenant, since_ms, until_ms
        Whose, from when to when.
    weeks
        Accuracy by week, the first first.
    rules, teams
        Accuracy by rule and by team.
    days
        Alerts that began by day (UTC) and priority.
    shifts
        Pages by shift and receiver; shifts without one are not listed.
    repair
        Repair times by how they are grouped: all, route, team, rule, cause.
    """

    tenant: str
    since_ms: int
    until_ms: int
    weeks: Sequence[Week]
    rules: Sequence[Accuracy]
    teams: Sequence[Accuracy]
    days: Sequence[Volume]
    shifts: Sequence[PagesOfShift]
    repair: dict[str, Sequence[RepairTimes]]

    def to_json(self) -> str:
        """All of it as one object."""
        return json.dumps({"v": 1, **asdict(self)}, indent=1) + "\n"


GROUPS: Final[tuple[IncidentGroup, ...]] = ("all", "route", "team", "rule", "cause")


def gathered(records: HealthRecords, tenant: str, span: tuple[int, int], shift_starts_h: Sequence[int]) -> AlertHealth:
    """Everything about a tenant's alerts and incidents that began in a time.

    Parameters
    ----------
    span
        From when, and until when, in ms.
    shift_starts_h
        Hours (UTC) at which shifts begin.

    Raises
    ------
    StoreError
        If the records do not answer.
    """
    return AlertHealth(
        tenant,
        *span,
        weeks=_weeks(records, tenant, span),
        rules=records.accuracy(tenant, "rule", *span),
        teams=records.accuracy(tenant, "team", *span),
        days=records.volume(tenant, "day", "priority", *span),
        shifts=pages_by_shift(_notified(records, tenant, span[0]), span, shift_starts_h),
        repair={by: records.mttr(tenant, by, *span) for by in GROUPS},
    )


def _weeks(records: HealthRecords, tenant: str, span: tuple[int, int]) -> list[Week]:
    """Weeks that end where the time ends."""
    since_ms, until_ms = span
    count = -(-(until_ms - since_ms) // WEEK_MS)
    weeks = []
    for back in range(count, 0, -1):
        start_ms = max(since_ms, until_ms - back * WEEK_MS)
        found = records.accuracy(tenant, "all", start_ms, until_ms - (back - 1) * WEEK_MS)
        weeks.append(Week(start_ms, found[0] if found else None))
    return weeks


def _notified(records: HealthRecords, tenant: str, since_ms: int) -> Iterator[Notification]:
    cursor: str | None = None
    while True:
        page = records.notifications(tenant, None, MOST_A_PAGE, cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None or page.items[-1].at_ms < since_ms:
            return


def pages_by_shift(
    told: Iterable[Notification], span: tuple[int, int], shift_starts_h: Sequence[int]
) -> list[PagesOfShift]:
    """Pages by shift and receiver: dedup keys that were opened under P0 or P1, however many integrations were told."""
    keys: dict[tuple[int, str], set[tuple[str, int]]] = {}
    for one in told:
        if one.action == "open" and one.priority in _PAGING and span[0] <= one.at_ms < span[1]:
            shift = shift_of(one.at_ms, shift_starts_h), one.receiver
            keys.setdefault(shift, set()).add((one.dedup_key, one.sequence))
    return [PagesOfShift(*shift, len(pages)) for shift, pages in sorted(keys.items())]
