"""The API over real records: how well it goes, and what the store has forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from console.ports import Extras
from integrations.records import RecordsSettings
from integrations.records.store import RecordsStore
from tests.integration.stores import let_go, told
from tests.unit.console.asgi import Api
from tests.unit.integrations.serving.telling import NOW_MS, alert, entry, feedback, incident

FROM_TO = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}
SHOP = {"headers": {"X-Tenant": "shop"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    settings = RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/records.db"))
    alerts = [alert(f"a{number}", rule="disk-full", incident_id="i1") for number in range(4)]
    told(settings, incident("i1"), entry(1, "i1", NOW_MS), *alerts, feedback("a0"), feedback("a1", verdict="false"))
    with RecordsStore(settings) as store:
        yield Api(extras=Extras(records=store))
    let_go()


def test_accuracy_and_volume_are_counted_from_what_was_recorded(api: Api) -> None:
    report = api.get("/api/v1/health/alerts", params=FROM_TO, **SHOP).json()
    (rule,) = report["accuracy"]
    assert (rule["group"], rule["alerts"], rule["labelled"]) == ("disk-full", 4, 2)
    assert (rule["actioned"]["count"], rule["false"]["share"]) == (1, 0.5)
    assert sum(one["alerts"] for one in report["a_day"]) == 4
    (all_incidents,) = api.get("/api/v1/mttr", params=FROM_TO, **SHOP).json()["groups"]
    assert all_incidents["incidents"] == 1


def test_what_the_store_does_not_know_is_read_from_there(api: Api) -> None:
    assert api.get("/api/v1/incidents/i1", **SHOP).json()["id"] == "i1"
    assert len(api.get("/api/v1/incidents/i1/timeline", **SHOP).json()) == 1
    assert api.get("/api/v1/alerts/a0", **SHOP).json()["feedback"]["verdict"] == "actioned"
    assert api.get("/api/v1/alerts/a9", **SHOP).status_code == 404


def test_records_that_are_not_there_yet_are_503(tmp_path: Path) -> None:
    with RecordsStore(RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/none.db"))) as store:
        assert Api(extras=Extras(records=store)).get("/api/v1/mttr").status_code == 503
