"""``/api/v1/mttr`` and ``/api/v1/health/alerts``: how well it goes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from console.access import Viewer
from console.asking import Desk
from console.ports import AccuracyGroup, Records
from console.problems import RequestError
from console.times import Moment, given_ms
from integrations.records.sre_health import Accuracy, RepairTimes
from integrations.records.store import IncidentGroup, Volume, VolumeGroup
from schemas.topics import DAY_MS

_DEFAULT_DAYS = 28
Since = Annotated[datetime | None, Query(alias="from", description="28 days before the end, where absent.")]
Until = Annotated[datetime | None, Query(alias="to", description="Now, where absent.")]


class RepairReport(BaseModel):
    """How long incidents took that began in a time."""

    since: Moment
    until: Moment
    groups: list[RepairTimes]


class AlertReport(BaseModel):
    """How many alerts began in a time, and how many of those that people judged needed action."""

    since: Moment
    until: Moment
    accuracy: list[Accuracy]
    a_day: list[Volume]
    a_shift: list[Volume]


class HealthRoutes:
    """The paths.

    Parameters
    ----------
    records
        Where they are counted.
    desk
        Who knows the time.
    """

    def __init__(self, records: Records | None, desk: Desk) -> None:
        self._records = records
        self._desk = desk

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(tags=["health"])
        router.add_api_route("/mttr", self.mttr, methods=["GET"])
        router.add_api_route("/health/alerts", self.alerts, methods=["GET"])
        return router

    def mttr(self, caller: Viewer, by: IncidentGroup = "all", since: Since = None, until: Until = None) -> RepairReport:
        """How long it took to detect, acknowledge, mitigate and resolve incidents, merged ones not counted."""
        since_ms, until_ms = self._times(since, until)
        groups = self._counted().mttr(caller.tenant, by, since_ms, until_ms)
        return RepairReport(since=since_ms, until=until_ms, groups=groups)

    def alerts(
        self,
        caller: Viewer,
        by: AccuracyGroup = "rule",
        volume_by: VolumeGroup = "priority",
        since: Since = None,
        until: Until = None,
    ) -> AlertReport:
        """Accuracy and false positives of alerts, with intervals, and how many there are a day and a shift."""
        since_ms, until_ms = self._times(since, until)
        records = self._counted()
        return AlertReport(
            since=since_ms,
            until=until_ms,
            accuracy=records.accuracy(caller.tenant, by, since_ms, until_ms),
            a_day=records.volume(caller.tenant, "day", volume_by, since_ms, until_ms),
            a_shift=records.volume(caller.tenant, "shift", volume_by, since_ms, until_ms),
        )

    def _counted(self) -> Records:
        if self._records is None:
            raise RequestError(501, "no records are kept here", "Set records.url")
        return self._records

    def _times(self, since: datetime | None, until: datetime | None) -> tuple[int, int]:
        end_ms, start_ms = given_ms(until), given_ms(since)
        end_ms = self._desk.now_ms() if end_ms is None else end_ms
        start_ms = max(0, end_ms - _DEFAULT_DAYS * DAY_MS) if start_ms is None else start_ms
        if start_ms >= end_ms:
            raise RequestError(400, "from is not before to")
        return start_ms, end_ms
