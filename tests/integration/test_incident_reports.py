"""Reports and figures from a real database are those of the events that it was told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from console.ports import Extras
from incidents.review import Case, report_of
from integrations.records import RecordsSettings
from integrations.records.rows import read_topics
from integrations.records.store import RecordsStore
from metrics_ai.alert_health import gathered
from metrics_ai.alert_health.rendering import markdown_of, page_of
from metrics_ai.cli import app
from metrics_ai.incident_cases import told_case
from metrics_ai.incident_reports import WRITERS, Form
from metrics_ai.recorded_reports import RecordedReports, recorded_case
from schemas.incident_events import Incident
from schemas.topics import DAY_MS
from tests.integration.stores import let_go, told
from tests.unit.console.asgi import Api
from tests.unit.incidents.review.life import T0_S, TENANT, Life, incident_life

SPAN = (T0_S * 1000 - 28 * DAY_MS, T0_S * 1000 + DAY_MS)


@pytest.fixture(scope="module")
def life() -> Life:
    return incident_life()


@pytest.fixture
def store(records: RecordsSettings, life: Life) -> Iterator[RecordsStore]:
    read = {topic.name for topic in read_topics()}
    told(records, *(event for topic, event in life.said if topic in read))
    with RecordsStore(records) as found:
        yield found


@pytest.fixture
def case(life: Life) -> Case:
    return told_case(life.events(), life.of(Incident)[-1].id)


def test_a_report_from_the_records_is_that_from_the_topics_but_for_budgets(store: RecordsStore, case: Case) -> None:
    assert report_of(case).budgets[0].spent is not None
    expected = report_of(replace(case, turns=()))
    found = recorded_case(store, TENANT, case.incident.id)
    assert found is not None
    assert report_of(found) == expected
    for form, write in WRITERS.items():
        assert RecordedReports(store).report(TENANT, case.incident.id, form) == write(expected)


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_the_api_answers_with_the_report(store: RecordsStore, case: Case, form: Form) -> None:
    reports = RecordedReports(store)
    api = Api(extras=Extras(records=store, reports=reports))
    answer = api.get(f"/api/v1/incidents/{case.incident.id}/report", params={"format": form})
    assert (answer.status_code, answer.text) == (200, reports.report(TENANT, case.incident.id, form))
    assert api.get("/api/v1/incidents/none/report", params={"format": form}).status_code == 404


def test_there_is_no_report_of_an_incident_that_is_not_known(store: RecordsStore, case: Case) -> None:
    assert RecordedReports(store).report(TENANT, "none", "md") is None
    assert RecordedReports(store).report("another", case.incident.id, "md") is None


def test_history_that_is_not_there_leaves_budgets_unknown(store: RecordsStore, case: Case, tmp_path: Path) -> None:
    found = recorded_case(store, TENANT, case.incident.id, tmp_path / "none")
    assert found is not None
    assert report_of(found).budgets[0].spent is None


def test_figures_of_a_time_are_those_of_the_life(store: RecordsStore) -> None:
    health = gathered(store, TENANT, SPAN, (6, 14, 22))
    (everything,) = health.repair["all"]
    assert (everything.incidents, everything.acknowledge.mean_s, everything.resolve.mean_s) == (2, 180, 1260)
    assert {one.group for one in health.repair["route"]} == {"shop-pager", "shop-tickets"}
    assert [(one.receiver, one.pages) for one in health.shifts] == [("shop-pager", 1), ("shop-pager", 1)]
    assert sum(one.alerts for one in health.days) == 4
    judged = [one.accuracy.labelled for one in health.weeks if one.accuracy is not None]
    assert sum(judged) == 1
    text, page = markdown_of(health), page_of(health)
    for part in ("## Pages", "## Accuracy by week", "## By receiver", "3 min"):
        assert part in text
    assert page.count("<svg") == 3
    assert json.loads(health.to_json())["tenant"] == TENANT


def test_nothing_in_a_time_makes_a_report_still(store: RecordsStore) -> None:
    health = gathered(store, TENANT, (0, DAY_MS), (6, 14, 22))
    assert "## " not in markdown_of(health)
    assert "<svg" not in page_of(health)


def run(records: RecordsSettings, *arguments: str) -> Result:
    url = records.url or SecretStr("")
    environment = {"METRICS_AI__RECORDS__URL": url.get_secret_value(), "METRICS_AI__TENANT": TENANT, "COLUMNS": "240"}
    found = CliRunner().invoke(app, list(arguments), env={"METRICS_AI_CONFIG": None, **environment})
    let_go()
    return found


@pytest.mark.usefixtures("store")
def test_the_commands_print_the_figures_with_how_many_they_are_of(records: RecordsSettings, tmp_path: Path) -> None:
    span = ("--since", "2026-08-25", "--until", "2026-09-22")
    done = run(records, "incidents", "mttr", "--by", "team", *span)
    assert done.exit_code == 0, done.output
    assert "shop" in done.output
    assert "21 min, 90 %: 21 min, mean 21 min, n=2" in done.output
    as_json: dict[str, Any] = json.loads(run(records, "incidents", "mttr", "--json", *span).output)
    assert as_json["groups"][0]["resolve"]["n"] == 2
    assert "100 % (21 to 100 %)" in run(records, "alerts", "accuracy", *span).output
    assert (
        json.loads(run(records, "alerts", "accuracy", "--by", "all", "--json", *span).output)["groups"][0]["alerts"]
        == 4
    )
    out = tmp_path / "alerts.html"
    assert run(records, "alerts", "report", "--out", str(out), *span).exit_code == 0
    assert out.read_text().startswith("<!doctype html>")
    assert "no incidents" in run(records, "incidents", "mttr", "--since", "2020-01-01", "--until", "2020-02-01").output
