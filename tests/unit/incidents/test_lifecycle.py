"""What people do with incidents: every move from every state, and what it leaves behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, get_args

import msgspec
import pytest

from incidents.decide import DecideOperator, DecideSettings
from incidents.lifecycle import LIVING, MOVES, TRANSITIONS, Seen
from schemas.command_events import Command, CommandResult
from schemas.events import Anomaly
from schemas.ids import decide_partition
from schemas.incident_events import Incident, IncidentState, TimelineEntry
from schemas.topics import AUDIT, COMMAND_RESULTS, COMMANDS, INCIDENTS, TIMELINE
from streams.operator import Output

Make = Callable[..., Anomaly]
STATES: tuple[IncidentState, ...] = get_args(IncidentState)
_IDS = itertools.count(1)


def operator(**settings: Any) -> DecideOperator:
    return DecideOperator(DecideSettings(**settings), 0, 1)


def command(kind: str, at_s: float = 2000, **body: Any) -> Command:
    number = body.pop("number", None) or next(_IDS)
    fields = {"id": f"c{number}", "tenant": body.pop("tenant", "default"), "by": body.pop("by", "ada")}
    return Command.model_validate({**fields, "at_ms": round(at_s * 1000), "body": {"kind": kind, **body}})


def results_in(outputs: Sequence[Output]) -> list[CommandResult]:
    return [CommandResult.from_bytes(one.value) for one in outputs if one.topic is COMMAND_RESULTS]


def incidents_in(outputs: Sequence[Output]) -> list[Incident]:
    return [Incident.from_bytes(one.value) for one in outputs if one.topic is INCIDENTS]


def entries_in(outputs: Sequence[Output]) -> list[TimelineEntry]:
    return [TimelineEntry.from_bytes(one.value) for one in outputs if one.topic is TIMELINE]


def move(decide: DecideOperator, to: str, at_s: float = 2000, **fields: Any) -> CommandResult:
    (incident,) = decide.incidents()
    (result,) = results_in(decide.on_command(command("move_incident", at_s, incident_id=incident.id, to=to, **fields)))
    return result


EXPECTED: dict[str, str] = {
    "open": "open resolved merged acknowledged - mitigated resolved -",
    "acknowledged": "acknowledged resolved merged acknowledged open mitigated resolved -",
    "mitigated": "mitigated resolved merged acknowledged open - resolved -",
    "resolved": "open resolved merged - - - - reviewed",
    "reviewed": "open reviewed merged - - - - -",
    "merged": "- - - - - - - -",
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("seen", Seen)
def test_each_state_follows_each_sight_as_the_table_says(state: IncidentState, seen: Seen) -> None:
    expected = EXPECTED[state].split()[list(Seen).index(seen)]
    assert TRANSITIONS.get((state, seen), "-") == expected


def brought_to(state: str, anomaly: Make) -> DecideOperator:
    decide = operator()
    decide.on_anomaly(anomaly())
    ways = {"open": [], "reviewed": ["resolved", "reviewed"]}
    for number, to in enumerate(ways.get(state, [state])):
        assert move(decide, to, 1500 + number).ok
    assert [one.state for one in decide.incidents()] == [state]
    return decide


@pytest.mark.parametrize("state", [one for one in STATES if one != "merged"])
@pytest.mark.parametrize("to", MOVES)
def test_what_the_table_leaves_out_is_refused_with_a_way_out_and_changes_nothing(
    state: IncidentState, to: str, anomaly: Make
) -> None:
    decide = brought_to(state, anomaly)
    before = decide.incidents()
    result = move(decide, to)
    after = TRANSITIONS.get((state, MOVES[to][0]))
    assert result.ok == (after is not None)
    if after is None:
        assert decide.incidents() == before
        assert result.reason.startswith(f"the incident is {state}: ")
    else:
        assert [one.state for one in decide.incidents()] == [after]


def test_who_acknowledges_is_named_until_the_incident_opens_again(anomaly: Make) -> None:
    decide = brought_to("open", anomaly)
    (incident,) = decide.incidents()
    outputs = decide.on_command(
        command("move_incident", 1060, incident_id=incident.id, to="acknowledged", note="I look", by="ada")
    )
    (told,) = incidents_in(outputs)
    assert (told.state, told.acknowledged and told.acknowledged.by, told.times.to_acknowledge_s) == (
        "acknowledged",
        "ada",
        60.0,
    )
    assert [(one.kind, one.by, one.text) for one in entries_in(outputs)] == [("acknowledged", "ada", "I look")]
    decide.on_anomaly(anomaly(state="end", at_s=1100))
    decide.on_tick(1_130_000)
    (resolved,) = decide.incidents()
    assert (resolved.state, resolved.acknowledged is not None) == ("resolved", True)
    decide.on_anomaly(anomaly(start_s=1200))
    (again,) = decide.incidents()
    assert (again.state, again.acknowledged, again.times.acknowledged_ms) == ("open", None, 1_060_000)


def test_an_acknowledged_incident_lives_on_and_resolves_when_it_is_quiet(anomaly: Make) -> None:
    for state in sorted(LIVING):
        decide = brought_to(state, anomaly)
        decide.on_anomaly(anomaly("memory", start_s=1100))
        assert [one.state for one in decide.incidents()] == [state]
        decide.on_anomaly(anomaly(state="end", at_s=1700))
        decide.on_anomaly(anomaly("memory", start_s=1100, state="end", at_s=1800))
        assert decide.next_due_ms == 1_830_000
        decide.on_tick(1_830_000)
        assert [one.state for one in decide.incidents()] == ["resolved"]


def test_times_are_measured_from_start_and_detection(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly(at_s=1020))
    move(decide, "acknowledged", 1080)
    move(decide, "mitigated", 1140)
    decide.on_anomaly(anomaly(state="end", at_s=1200))
    decide.on_tick(1_230_000)
    times = decide.incidents()[0].times
    assert (times.detected_ms, times.acknowledged_ms, times.mitigated_ms, times.resolved_ms) == (
        1_020_000,
        1_080_000,
        1_140_000,
        1_230_000,
    )
    assert (times.to_detect_s, times.to_acknowledge_s, times.to_mitigate_s, times.to_resolve_s) == (20, 60, 120, 200)


def test_who_mitigates_looks_after_it(anomaly: Make) -> None:
    decide = brought_to("mitigated", anomaly)
    (incident,) = decide.incidents()
    assert incident.acknowledged is not None
    assert incident.times.to_acknowledge_s == incident.times.to_mitigate_s == 500
    assert move(decide, "open").ok
    (incident,) = decide.incidents()
    assert (incident.acknowledged, incident.times.mitigated_ms) == (None, None)


def test_what_a_person_resolved_stays_so_while_its_alerts_fire_on_and_end(anomaly: Make) -> None:
    decide = brought_to("resolved", anomaly)
    (incident,) = decide.incidents()
    assert (incident.resolved_ms, incident.firing_count, incident.times.to_resolve_s) == (1_500_000, 1, 500)
    decide.on_anomaly(anomaly(state="update", at_s=1600, score=9.0, severity="critical"))
    decide.on_tick(1_700_000)
    decide.on_anomaly(anomaly(state="end", at_s=1710))
    decide.on_tick(1_711_000)
    (incident,) = decide.incidents()
    assert (incident.state, incident.resolved_ms, incident.firing_count) == ("resolved", 1_500_000, 0)
    assert incident.times.to_resolve_s == 500


def test_what_a_person_resolved_opens_when_an_alert_begins_anew(anomaly: Make) -> None:
    for news in (anomaly(start_s=1600), anomaly("memory", start_s=1550)):
        decide = brought_to("reviewed", anomaly)
        (reopened,) = incidents_in(decide.on_anomaly(news))
        assert (reopened.state, reopened.resolved_ms, reopened.firing_count) == ("open", None, 2)
        decide.on_anomaly(news.model_copy(update={"state": "end", "at_ms": 1_610_000, "ended_ms": 1_610_000}))
        decide.on_tick(1_700_000)
        assert decide.incidents()[0].state == "open", "the first one fires on, and counts again"


def test_what_a_person_resolved_stays_so_for_an_alert_that_was_over_long_ago(anomaly: Make) -> None:
    decide = brought_to("resolved", anomaly)
    decide.on_tick(1_600_000)
    decide.on_anomaly(anomaly("memory", start_s=1100, state="end", at_s=1200))
    assert [(one.state, one.member_count) for one in decide.incidents()] == [("resolved", 2)]


def test_a_command_that_comes_again_does_nothing_even_after_a_restart(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly())
    (incident,) = decide.incidents()
    once = command("note_incident", incident_id=incident.id, note="see dashboard")
    assert [one.topic for one in decide.on_command(once)] == [TIMELINE, COMMAND_RESULTS, AUDIT]
    assert decide.on_command(once) == []
    twin = restored(decide)
    assert twin.on_command(once) == []
    twin.on_tick(2_000_000 + 86_400_000)
    assert twin.on_command(once) == []
    twin.take_blocks()
    twin.on_tick(2_000_001 + 86_400_000)
    assert dict(twin.take_blocks())[f"command/{once.key}"] is None


def restored(decide: DecideOperator, **settings: Any) -> DecideOperator:
    twin = operator(**settings)
    for key, value in decide.take_blocks():
        if value is not None:
            twin.load_block(key, value)
    twin.finish_load()
    assert (twin.incidents(), twin.alerts()) == (decide.incidents(), decide.alerts())
    return twin


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "move_incident", "to": "acknowledged"},
        {"kind": "note_incident", "note": "n"},
        {"kind": "merge_incidents", "other_id": "x"},
        {"kind": "split_incident", "alert_ids": ["x"]},
    ],
)
def test_an_unknown_incident_or_one_of_another_tenant_is_refused(body: dict[str, Any], anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly())
    (incident,) = decide.incidents()
    for who in ({"incident_id": "nobody"}, {"incident_id": incident.id, "tenant": "other"}):
        (result,) = results_in(
            decide.on_command(command(body["kind"], **who, **{k: body[k] for k in body if k != "kind"}))
        )
        assert (result.ok, result.stage) == (False, "decide")
        assert result.reason == (
            f"no incident has the id {who['incident_id']}: look for it among those that go on, or ended within the "
            "retention"
        )


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (
            "71ff7d6d4e351cee-1795446000000",
            "is the id of an alert, not of an incident: name its incident, or acknowledge the alert",
        ),
        (
            '{}:{alertname="{0}"}',
            "is the key of a group by labels, not of an incident: acknowledge its alerts, or name their incidents",
        ),
    ],
)
def test_a_key_that_names_no_incident_is_refused_by_what_it_is(key: str, reason: str) -> None:
    (result,) = results_in(operator().on_command(command("move_incident", incident_id=key, to="acknowledged")))
    assert (result.ok, result.reason) == (False, f"{key} {reason}")


def test_commands_of_other_stages_are_left_to_them() -> None:
    decide = operator()
    assert decide.on_command(command("acknowledge_alert", alert_id="a")) == []
    assert decide.on_command(command("expire_silence", silence_id="s")) == []
    assert decide.take_blocks() == []


def test_a_command_on_the_wrong_partition_is_sent_on() -> None:
    right = decide_partition("default", 8)
    wrong = DecideOperator(DecideSettings(), (right + 1) % 8, 8)
    note = command("note_incident", incident_id="nobody", note="n")
    (sent,) = wrong.step(COMMANDS.name, note.to_bytes())
    assert (sent.topic, sent.partition, sent.key) == (COMMANDS, right, note.key)
    home = DecideOperator(DecideSettings(), right, 8)
    assert [one.ok for one in results_in(home.step(COMMANDS.name, sent.value))] == [False]


def test_an_incident_of_an_older_release_is_read_with_what_it_paged(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly(kind="limit", detector="HighLatency", priority="P1"))
    (alert,) = decide.alerts()
    blocks = {key: value for key, value in decide.take_blocks() if value is not None}
    twin = operator()
    for key, value in blocks.items():
        twin.load_block(key, aged(key, value))
    twin.finish_load()
    assert twin.incidents() == decide.incidents()
    twin.on_anomaly(anomaly("memory", kind="limit", detector="Other", priority="P1"))
    (incident,) = twin.incidents()
    assert (incident.page_keys, {one.page_key for one in twin.alerts()}) == ([incident.id], {alert.page_key})


def aged(key: str, value: bytes) -> bytes:
    """A block as it was before there were commands."""
    body = msgspec.msgpack.decode(value)
    new = {"threads", "apart", "detected_ms", "closed_ms", "acknowledged_ms", "mitigated_ms", "back_ms", "source"}
    return msgspec.msgpack.encode({name: one for name, one in body.items() if name not in new})
