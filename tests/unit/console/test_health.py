"""How well it goes: numbers of the records, over the time that is asked about; and what ended long ago."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from console.ports import Extras
from integrations.records.sre_health import Accuracy, Ratio, RepairTimes, Spread
from integrations.records.store import Volume
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.topics import DAY_MS
from tests.unit.console.asgi import NOW_MS, Api, alert, incident


@dataclass
class OldRecords:
    """Records with one of each."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def alert(self, tenant: str, alert_id: str) -> Alert | None:
        return alert(9) if alert_id == alert(9).id else None

    def status(self, tenant: str, alert_id: str) -> None:
        return None

    def feedback(self, tenant: str, alert_id: str) -> None:
        return None

    def incident(self, tenant: str, incident_id: str) -> Incident | None:
        return incident(9) if incident_id == "i9" else None

    def timeline(self, tenant: str, incident_id: str) -> list[TimelineEntry]:
        fields: dict[str, Any] = {"id": "e", "tenant": tenant, "incident_id": incident_id, "at_ms": NOW_MS}
        return [TimelineEntry(**fields, kind="opened", text="it opened")]

    def mttr(self, *asked: Any) -> list[RepairTimes]:
        self.asked.append(asked)
        took = Spread.of([60.0, 120.0])
        return [RepairTimes("db", 2, took, took, Spread(0), took)]

    def volume(self, *asked: Any) -> list[Volume]:
        self.asked.append(asked)
        return [Volume(NOW_MS, "P1", 3)]

    def accuracy(self, *asked: Any) -> list[Accuracy]:
        self.asked.append(asked)
        ratio = Ratio.wilson(8, 10)
        return [Accuracy("disk-full", 12, 10, ratio, Ratio.wilson(2, 10), Ratio.wilson(0, 10))]


@pytest.fixture
def records() -> OldRecords:
    return OldRecords()


@pytest.fixture
def api(records: OldRecords) -> Api:
    return Api(extras=Extras(records=records))


def test_repair_times_are_those_of_the_group_and_time_asked_for(api: Api, records: OldRecords) -> None:
    params = {"by": "team", "from": "2026-11-01T00:00:00Z", "to": "2026-11-08T00:00:00Z"}
    report = api.get("/api/v1/mttr", params=params).json()
    assert (report["since"], report["until"]) == ("2026-11-01T00:00:00.000Z", "2026-11-08T00:00:00.000Z")
    (group,) = report["groups"]
    assert (group["group"], group["incidents"], group["resolve"]["mean_s"], group["mitigate"]["n"]) == (
        "db",
        2,
        90.0,
        0,
    )
    tenant, by, since_ms, until_ms = records.asked[0]
    assert (tenant, by, until_ms - since_ms) == ("default", "team", 7 * DAY_MS)


def test_without_times_it_is_the_last_four_weeks(api: Api, records: OldRecords) -> None:
    api.get("/api/v1/mttr")
    assert records.asked[0][2:] == (NOW_MS - 28 * DAY_MS, NOW_MS)


def test_accuracy_comes_with_counts_and_intervals_and_volume_by_day_and_shift(api: Api, records: OldRecords) -> None:
    report = api.get("/api/v1/health/alerts").json()
    (rule,) = report["accuracy"]
    assert (rule["labelled"], rule["actioned"]["share"], round(rule["actioned"]["low"], 4)) == (10, 0.8, 0.4902)
    assert report["a_day"] == report["a_shift"] == [{"start_ms": NOW_MS, "group": "P1", "alerts": 3}]
    assert [one[1] for one in records.asked] == ["rule", "day", "shift"]


@pytest.mark.parametrize(
    "params", [{"by": "moon"}, {"from": "soon"}, {"from": "2026-11-08T00:00:00Z", "to": "2026-11-01T00:00:00Z"}]
)
def test_a_question_that_cannot_hold_is_refused(api: Api, params: dict[str, str]) -> None:
    assert api.get("/api/v1/mttr", params=params).status_code == 400


def test_without_records_it_says_what_to_do() -> None:
    problem = Api().get("/api/v1/mttr").json()
    assert (problem["status"], problem["detail"]) == (501, "no records are kept here. Set records.url")


def test_what_the_store_has_forgotten_is_read_from_the_records(api: Api) -> None:
    assert api.get(f"/api/v1/alerts/{alert(9).id}").json()["alert"]["fingerprint"] == "f9"
    assert api.get("/api/v1/incidents/i9").json()["id"] == "i9"
    assert [one["kind"] for one in api.get("/api/v1/incidents/i9/timeline").json()] == ["opened"]
    said = api.post(f"/api/v1/alerts/{alert(9).id}/feedback", {"verdict": "actioned"})
    assert said.json()["labels"] == alert(9).labels
