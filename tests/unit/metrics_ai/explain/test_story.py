"""What people read of a case."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from metrics_ai.config import Config
from metrics_ai.explain.cases import Events, case_of, matches_of
from metrics_ai.explain.story import MOST_MEMBERS, json_of, story_of
from metrics_ai.explain.telling import Explaining
from schemas.incident_events import Alert, Incident
from schemas.topics import ALERTS, ANOMALIES, INCIDENTS


def told(events: Events, wanted: str) -> str:
    return "\n".join(story_of(case_of(events, *matches_of(events, wanted))))


def test_an_anomaly_is_told_with_all_that_it_says(events: Events) -> None:
    text = told(events, "8a6c05604d")
    for words in (
        "checkout_latency_ms of node web-1 is 296, expected 59.9 to 180 (15m, 1h); since 05:00:00",
        'series        checkout_latency_ms{host="web-1"}',
        "until         2026-09-22 05:23:00Z (23 min): back to normal",
        "at its worst  296 ms, expected 59.9 .. 180 ms; score 2.94 at 2026-09-22 05:02:00Z, 3.08 at the most",
        "confidence    83%",
        "1h       1.91  anomalous  60.3 .. 181 ms",
    ):
        assert words in text


def test_a_trend_is_told_with_when_it_reaches_its_limit(events: Events) -> None:
    text = told(events, "f1b2ebf13a")
    for words in (
        "Anomaly f1b2ebf13a685e447f2b: trend of node_disk_used_ratio, critical, going on",
        (
            "Disk in use (/data) of node h1 will reach 1 in 2.6 days (80 %: 2.2 to 3.1 days; 95 %: 1.9 to 3.6 days), "
            "at +0.05 a day; now 0.87, limit 1"
        ),
        "trend         will reach 1 in 2.6 days (80 %: 2.2 to 3.1 days; 95 %: 1.9 to 3.6 days), at +0.05 a day",
        "confidence    80%; a forecast: it holds if the trend goes on",
    ):
        assert words in text


def test_what_is_usual_at_the_hour_and_since_when_a_drift_is_are_told(events: Events) -> None:
    usual = "usual then    108, 101 .. 114 in 5 min; it is above p99.9 of 5 days like it at 11 h"
    assert usual in told(events, "6bd02f8cbe")
    assert "changed       2026-09-28 10:15:00Z" in told(events, "0c0b5d1f4c")
    assert "usual then" not in told(events, "8a6c05604d")


def test_the_contributions_add_up_to_the_score(events: Events) -> None:
    section = told(events, "8a6c05604d").split("anomalous):")[1]
    rows = dict(re.findall(r"^ +(\w+) +([\d.]+)", section, flags=re.MULTILINE))
    score = float(rows.pop("score"))
    assert sum(map(float, rows.values())) == pytest.approx(score, abs=0.011)


def test_what_goes_on_has_no_end(events: Events) -> None:
    events[ANOMALIES.name] = events[ANOMALIES.name][:1]
    text = told(events, "8a6c05604d")
    assert "critical, going on" in text
    assert "until         it goes on" in text


def test_an_alert_without_its_anomaly_says_what_it_knows_itself(events: Events) -> None:
    del events[ANOMALIES.name]
    text = told(events, "4fc2dfbe79")
    assert "at its worst  304 ms, expected 59.9 .. 180 ms; score 3.08 at 2026-09-22 05:13:00Z" in text
    assert "no longer on its topic" in text


def test_an_incident_tells_of_each_member_and_what_happened(events: Events) -> None:
    text = told(events, "fc8e6198ca")
    assert "Incident fc8e6198cabc9d143007: Latency of node web-1 anomalous, P2, resolved" in text
    assert "Alert 4fc2dfbe79ec70d3-1790053200000" in text
    assert "2026-09-22 05:00:00Z  opened    " in text.split("Timeline")[1]


def test_an_incident_whose_alerts_are_gone_keeps_what_it_says_of_them(events: Events) -> None:
    del events[ALERTS.name]
    assert "this is what the incident says of it" in told(events, "fc8e6198ca")


def test_members_beyond_the_first_ones_are_counted(events: Events) -> None:
    incident = events[INCIDENTS.name][-1]
    assert isinstance(incident, Incident)
    members = [
        incident.members[0].model_copy(update={"alert_id": f"alert-{number}"}) for number in range(MOST_MEMBERS + 2)
    ]
    update = {"members": members, "member_count": MOST_MEMBERS + 5}
    events[INCIDENTS.name] = [incident.model_copy(update=update)]
    text = told(events, "fc8e6198ca")
    assert "and 3 more that the incident does not list" in text
    assert "and 2 more alerts" in text
    assert text.count("\nAlert alert-") == MOST_MEMBERS


def test_json_holds_the_events_as_they_lie_on_their_topics(events: Events) -> None:
    body = json.loads(json.dumps(json_of(case_of(events, *matches_of(events, "fc8e6198ca")))))
    assert body["kind"] == "incident"
    assert body["members"][0]["anomaly"]["latest"]["end_reason"] == "recovered"
    assert [entry["kind"] for entry in body["timeline"]] == ["opened", "resolved"]


def test_several_matches_are_listed_with_status_1(events: Events, capsys: pytest.CaptureFixture[str]) -> None:
    incident = events[INCIDENTS.name][-1]
    events[INCIDENTS.name] = [incident, incident.model_copy(update={"id": "fc8e6198ffffffffffff"})]
    for as_json in (False, True):
        with pytest.raises(typer.Exit) as ended:
            Explaining(Config(), as_json=as_json).explain("fc8e6198", None, events)
        assert ended.value.exit_code == 1
        shown = capsys.readouterr()
        assert len([line for line in shown.out.splitlines() if "Latency of node web-1" in line]) == 2
        assert "2 ids begin with 'fc8e6198'" in shown.err


def test_an_explanation_is_printed_for_people_and_for_programs(
    events: Events, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Explaining(Config()).explain("8a6c05604d", None, events)
    assert capsys.readouterr().out.startswith("Anomaly 8a6c05604ddb4a96d61c: spike of checkout_latency_ms")
    Explaining(Config(), as_json=True).explain("8a6c05604d", None, events)
    assert json.loads(capsys.readouterr().out)["kind"] == "anomaly"


def test_an_alert_of_an_objective_says_how_fast_who_and_what_to_do(burning: Events) -> None:
    burn = next(one for one in burning[ALERTS.name] if isinstance(one, Alert) and one.signal == "slo:checkout")
    text = told(burning, burn.id)
    for words in (
        f"Alert {burn.id}: SloBurn, P0, firing",
        "objective     checkout",
        "service       web-shop",
        "alert         SloBurn page-quick",
        "labels        team shop",
        "at its worst  14.9 x at 2026-09-22 05:01:55Z",
        "budget left   61 %",
        "spent by      node:h1 30 % of the budget",
        "runbooks      checkout-errors",
    ):
        assert words in text
    assert "no longer on its topic" not in text
    assert "frozen        nothing is measured: it stays as it was" in text


def test_an_incident_of_an_objective_lists_symptom_and_cause(burning: Events) -> None:
    burn = next(one for one in burning[INCIDENTS.name] if isinstance(one, Incident) and one.priority == "P0")
    text = told(burning, burn.id)
    assert f"Incident {burn.id}: SLO checkout burns; CPU of node h1 anomalous, P0, open" in text
    assert "causes      node:h1" in text
    assert "slo:checkout    service:web-shop  2026-09-22 05:01:55Z  14.9 x    -              -  page-quick" in text
