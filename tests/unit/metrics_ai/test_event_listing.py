"""What `--follow` says of events that come again."""

from __future__ import annotations

import json
from pathlib import Path

from metrics_ai.event_listing import INCIDENT_HEAD, Columns, _news, incident_row
from schemas.incident_events import Incident

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
    opened, resolved = (Incident.model_validate(one["event"]) for one in lines if one["model"] == "Incident")
    said: dict[str, Incident] = {}
    assert list(_news([opened, opened, resolved], said)) == [opened, resolved]
    assert list(_news([opened, resolved], said)) == []  # repeated after a kill
