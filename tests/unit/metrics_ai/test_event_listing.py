"""What `--follow` says of events that come again."""

from __future__ import annotations

import json
from pathlib import Path

from metrics_ai.event_listing import _news
from schemas.events import Incident

GOLDEN = Path(__file__).parents[2] / "contract" / "events_v1.jsonl"


def test_what_was_said_before_is_not_said_again() -> None:
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    opened, resolved = (Incident.model_validate(one["event"]) for one in lines if one["model"] == "Incident")
    said: dict[str, Incident] = {}
    assert list(_news([opened, opened, resolved], said)) == [opened, resolved]
    assert list(_news([opened, resolved], said)) == []  # repeated after a kill
