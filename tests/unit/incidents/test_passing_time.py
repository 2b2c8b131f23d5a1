"""What time alone does to alerts and incidents: what is over is forgotten, what is silent is given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from incidents.decide import DecideOperator, DecideSettings
from schemas.events import Anomaly
from schemas.incident_events import Incident
from schemas.topics import INCIDENTS
from streams.operator import Output

Make = Callable[..., Anomaly]


def operator(**settings: Any) -> DecideOperator:
    return DecideOperator(DecideSettings(**settings), 0, 1)


def incidents_in(outputs: Sequence[Output]) -> list[Incident]:
    return [Incident.from_bytes(one.value) for one in outputs if one.topic is INCIDENTS]


def test_what_ended_long_ago_is_forgotten_and_its_blocks_are_gone(anomaly: Make) -> None:
    decide = operator(retention_s=3600)
    decide.on_anomaly(anomaly())
    decide.on_anomaly(anomaly(state="end", at_s=1060))
    decide.on_anomaly(anomaly("drifting", "h7", kind="drift", state="end", at_s=1060))
    decide.on_tick(1_100_000)
    kept = dict(decide.take_blocks())
    assert {key.partition("/")[0] for key in kept} == {"alert", "incident", "node", "clock"}
    decide.on_tick(9_000_000)
    assert len(decide.alerts()) == 2, "the anomalies have not come so far: a stage that catches up forgets nothing"
    decide.on_anomaly(anomaly("memory", "h9", 8000))
    decide.on_tick(9_001_000)
    assert [one.entity for one in decide.alerts()] == ["node:h9"]
    assert [one.entities for one in decide.incidents()] == [["node:h9"]]
    gone = dict(decide.take_blocks())
    assert {key for key, value in gone.items() if value is None} == {
        key for key in kept if key.startswith(("alert/", "incident/"))
    }
    assert decide.next_due_ms is None


def test_an_incident_that_goes_on_forgets_old_members_and_counts_them(anomaly: Make) -> None:
    decide = operator(retention_s=1000, spender_window_s=900)
    decide.on_anomaly(anomaly())
    decide.on_anomaly(anomaly("memory", start_s=1100))
    decide.on_anomaly(anomaly("memory", start_s=1100, state="end", at_s=1200))
    decide.on_anomaly(anomaly(state="update", at_s=3000))
    decide.on_tick(3_000_000)
    (incident,) = decide.incidents()
    assert (incident.member_count, len(incident.members), incident.signals) == (2, 1, ["node_cpu_ratio"])
    assert incident.title == "CPU of node h1 anomalous"


def test_an_alert_nobody_speaks_of_expires_and_comes_back_when_heard_of(anomaly: Make) -> None:
    decide = operator(abandon_after_s=7200)
    decide.on_anomaly(anomaly())
    decide.on_anomaly(anomaly("memory", "h9", 9000))
    outputs = decide.on_tick(9_000_000)
    (expired,) = [one for one in decide.alerts() if one.entity == "node:h1"]
    assert (expired.state, expired.ended_ms, expired.annotations["expired"]) == (
        "resolved",
        8_200_000,
        "nothing more was heard of it",
    )
    assert [one.state for one in incidents_in(outputs)] == ["resolved"]
    (back,) = incidents_in(decide.on_anomaly(anomaly(state="update", at_s=9100)))
    assert (back.state, back.ended_ms, back.firing_count) == ("open", None, 1)
    decide.on_anomaly(anomaly(state="end", at_s=9200))
    assert min(decide.incidents(), key=lambda one: one.started_ms).ended_ms == 9_200_000


def test_a_lone_alert_that_nobody_speaks_of_expires_by_the_ticks_alone(anomaly: Make) -> None:
    decide = operator(abandon_after_s=7200)
    decide.on_tick(1_001_000)
    decide.on_anomaly(anomaly())
    decide.on_tick(8_200_000)
    assert [one.state for one in decide.alerts()] == ["firing"], "it came at 1001 s by the ticks"
    decide.on_tick(8_202_000)
    assert [(one.state, one.ended_ms) for one in decide.alerts()] == [("resolved", 8_200_000)]
    decide.on_anomaly(anomaly(state="update", at_s=8190))
    assert [one.state for one in decide.alerts()] == ["firing"]
    decide.on_tick(16_000_000)
    assert [(one.state, one.ended_ms) for one in decide.alerts()] == [("resolved", 15_390_000)]


def test_a_stage_that_is_told_of_old_times_gives_up_nothing_while_news_come(anomaly: Make) -> None:
    decide = operator(abandon_after_s=7200)
    decide.on_tick(9_000_000_000)
    decide.on_anomaly(anomaly())
    for number in range(1, 100):
        decide.on_tick(9_000_000_000 + number * 1000)
        decide.on_anomaly(anomaly("memory", "h9", 1000 + 50 * number))
    assert {one.state for one in decide.alerts()} == {"firing"}


def test_a_restored_stage_gives_up_a_silent_alert_when_the_other_does(anomaly: Make) -> None:
    decide, restored = operator(abandon_after_s=7200), operator(abandon_after_s=7200)
    decide.on_tick(5_000_000)
    decide.on_anomaly(anomaly())
    decide.on_tick(5_100_000)
    for key, value in decide.take_blocks():
        assert value is not None
        restored.load_block(key, value)
    restored.finish_load()
    for at_ms in (12_100_000, 12_250_000):
        assert restored.on_tick(at_ms) == decide.on_tick(at_ms)
    assert [one.state for one in restored.alerts()] == ["resolved"]
