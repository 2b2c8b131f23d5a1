from __future__ import annotations

import json
from pathlib import Path

import pytest

from metrics_ai.health_listing import HEAD, chosen, print_entity, print_table, row_of
from schemas.events import EntityHealth

GOLDEN = Path(__file__).parents[2] / "contract" / "events_v1.jsonl"


def _golden() -> EntityHealth:
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    return next(EntityHealth.model_validate(one["event"]) for one in lines if one["model"] == "EntityHealth")


def _health(entity: str, state: str, tenant: str = "t") -> EntityHealth:
    return EntityHealth.model_validate({"tenant": tenant, "entity": entity, "state": state, "since_ms": 1, "at_ms": 1})


EVENTS = [
    _health("node:c1/h1", "healthy"),
    _health("node:h2", "critical"),
    _health("node:h3", "gone"),
    _health("service:shop/h1", "degraded", "other"),
]


@pytest.mark.parametrize(
    ("entity", "tenant", "found"),
    [
        (None, None, ["node:h2", "service:shop/h1", "node:c1/h1"]),
        (None, "t", ["node:h2", "node:c1/h1"]),
        ("h1", None, ["service:shop/h1", "node:c1/h1"]),
        ("node:h2", None, ["node:h2"]),
        ("h3", None, ["node:h3"]),
        ("3", None, []),
    ],
)
def test_entities_are_chosen_by_name_the_worst_first(entity: str | None, tenant: str | None, found: list[str]) -> None:
    assert [one.entity for one in chosen(EVENTS, entity, tenant)] == found


def test_a_row_says_what_each_signal_is_and_why() -> None:
    cells = dict(zip(HEAD, row_of(_golden()), strict=True))
    assert (cells["state"], cells["entity"], cells["latency"], cells["traffic"]) == (
        "critical",
        "node:h1",
        "-",
        "normal",
    )
    assert cells["saturation"] == "0.97 (5.4)"
    assert cells["why"].startswith("CPU of node h1 ")


def test_an_entity_is_shown_with_its_signals_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    print_entity(_golden())
    shown = capsys.readouterr().out
    assert "node:h1 is critical since " in shown
    assert 'node_cpu_ratio{node="h1"}' in shown
    assert "critical: CPU of node h1 " in shown


def test_no_entity_at_all_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([])
    assert capsys.readouterr().out == "no entities\n"
