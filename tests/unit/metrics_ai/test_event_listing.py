"""What `--follow` says of events that come again."""

from __future__ import annotations

import json
from pathlib import Path

from metrics_ai.event_listing import ALERT_HEAD, INCIDENT_HEAD, Columns, _news, alert_row, incident_row
from schemas.incident_events import Alert, Incident

GOLDEN = Path(__file__).parents[2] / "contract" / "events_v1.jsonl"


def test_lines_that_come_one_by_one_stand_below_their_headings() -> None:
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    incident = next(Incident.model_validate(one["event"]) for one in lines if one["model"] == "Incident")
    columns = Columns(INCIDENT_HEAD, [60] * len(INCIDENT_HEAD))
    head, row = columns.line(columns.head), columns.line(incident_row(incident))
    starts = [head.index(f" {name}") + 1 if at else 0 for at, name in enumerate(INCIDENT_HEAD)]
    for start, cell in zip(starts, incident_row(incident), strict=True):
        assert row[start:].startswith(cell)


def test_what_was_said_before_is_not_said_again() -> None:
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    opened, resolved, *_ = (Incident.model_validate(one["event"]) for one in lines if one["model"] == "Incident")
    said: dict[str, Incident] = {}
    assert list(_news([opened, opened, resolved], said)) == [opened, resolved]
    assert list(_news([opened, resolved], said)) == []  # repeated after a kill


def test_an_alert_of_an_objective_is_listed_by_its_tier_and_what_it_is_about() -> None:
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    burn = next(Alert(**one["event"]) for one in lines if "SloBurn" in str(one["event"]) and one["model"] == "Alert")
    row = dict(zip(ALERT_HEAD, alert_row(burn), strict=True))
    assert (row["priority"], row["signal"], row["entity"]) == ("P0", "slo:checkout", "service:web-shop")
    assert (row["observed"], row["expected"], row["peak"], row["windows"]) == ("14.9 x", "-", "-", "page-quick")
    labels = {"alertname": "SloBudgetLow", "share": "0.25"}
    low = burn.model_copy(update={"labels": labels, "peak_observed": 0.2489, "unit": ""})
    row = dict(zip(ALERT_HEAD, alert_row(low), strict=True))
    assert (row["observed"], row["windows"]) == ("25 % left", "budget-0.25")
