"""Incidents that people merge and split: whose id stays, what keeps them apart, and what was paged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from incidents.decide import DecideOperator, DecideSettings
from schemas.command_events import Command, CommandResult
from schemas.events import Anomaly
from schemas.incident_events import Incident, TimelineEntry
from schemas.topics import COMMAND_RESULTS, INCIDENTS, TIMELINE
from streams.operator import Output

Make = Callable[..., Anomaly]
_IDS = itertools.count(1)


def told(*events: Anomaly, **settings: Any) -> DecideOperator:
    decide = DecideOperator(DecideSettings(**settings), 0, 1)
    for one in events:
        decide.on_anomaly(one)
    return decide


def ask(decide: DecideOperator, kind: str, **body: Any) -> tuple[CommandResult, list[Output]]:
    fields = {"id": f"c{next(_IDS)}", "tenant": "default", "at_ms": 2_000_000, "by": "ada"}
    outputs = decide.on_command(Command.model_validate({**fields, "body": {"kind": kind, **body}}))
    (result,) = [CommandResult.from_bytes(one.value) for one in outputs if one.topic is COMMAND_RESULTS]
    return result, outputs


def incidents_in(outputs: Sequence[Output]) -> list[Incident]:
    return [Incident.from_bytes(one.value) for one in outputs if one.topic is INCIDENTS]


def entries_in(outputs: Sequence[Output]) -> list[TimelineEntry]:
    return [TimelineEntry.from_bytes(one.value) for one in outputs if one.topic is TIMELINE]


def restored(decide: DecideOperator) -> DecideOperator:
    twin = told()
    for key, value in decide.take_blocks():
        if value is not None:
            twin.load_block(key, value)
    twin.finish_load()
    return twin


def limit(anomaly: Make, name: str, priority: str, **fields: Any) -> Anomaly:
    return anomaly(kind="limit", detector=name, priority=priority, **fields)


def test_a_person_merges_two_and_the_older_one_stays_whichever_is_named_first(anomaly: Make) -> None:
    for backwards in (False, True):
        decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h2", 1100))
        old, young = (one.id for one in decide.incidents())
        first, second = (young, old) if backwards else (old, young)
        result, outputs = ask(decide, "merge_incidents", incident_id=first, other_id=second, note="one fault")
        assert (result.ok, result.subject) == (True, old)
        gone, survivor = incidents_in(outputs)
        assert (gone.id, gone.state, gone.merged_into) == (young, "merged", old)
        assert (survivor.id, survivor.aliases, survivor.member_count) == (old, [young], 2)
        assert [(one.incident_id, one.kind, one.by) for one in entries_in(outputs)] == [
            (young, "merged", "ada"),
            (old, "merged", "ada"),
        ]
        again, _ = ask(restored(decide), "merge_incidents", incident_id=young, other_id=old)
        assert (again.ok, again.reason) == (False, "the two are one incident already")


def test_what_is_asked_of_an_incident_that_was_merged_reaches_the_survivor_even_after_a_restart(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h2", 1100))
    old, young = (one.id for one in decide.incidents())
    ask(decide, "merge_incidents", incident_id=old, other_id=young)
    for one in (restored(decide), decide):
        result, _ = ask(one, "move_incident", incident_id=young, to="acknowledged")
        assert (result.ok, result.subject) == (True, old)
        assert [(each.id, each.state) for each in one.incidents()] == [(old, "acknowledged")]


def test_a_merge_brings_what_a_person_resolved_back_to_life_if_the_other_lives(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h2", 1100))
    old, young = (one.id for one in decide.incidents())
    ask(decide, "move_incident", incident_id=old, to="resolved")
    ask(decide, "merge_incidents", incident_id=old, other_id=young)
    assert [(one.id, one.state, one.firing_count) for one in decide.incidents()] == [(old, "open", 2)]


def test_two_that_people_resolved_stay_resolved_when_they_are_merged(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h2", 1100))
    old, young = (one.id for one in decide.incidents())
    for one in (old, young):
        ask(decide, "move_incident", incident_id=one, to="resolved")
    ask(decide, "merge_incidents", incident_id=old, other_id=young)
    assert [(one.id, one.state, one.firing_count) for one in decide.incidents()] == [(old, "resolved", 2)]


def test_an_acknowledgement_is_kept_by_a_survivor_that_paged_nobody_and_not_by_one_that_did(anomaly: Make) -> None:
    for priority, kept in (("P2", "acknowledged"), ("P1", "open")):
        decide = told(
            limit(anomaly, "Hot", priority, metric="cpu", start_s=1000),
            limit(anomaly, "Full", "P1", metric="memory", node="h2", start_s=1100),
        )
        old, young = (one.id for one in decide.incidents())
        ask(decide, "move_incident", incident_id=young, to="acknowledged")
        ask(decide, "merge_incidents", incident_id=old, other_id=young)
        (incident,) = decide.incidents()
        assert incident.state == kept
        assert (incident.acknowledged is not None) == (kept == "acknowledged")


def test_alerts_keep_the_key_that_they_were_paged_under_and_unpaged_ones_take_the_survivors(anomaly: Make) -> None:
    decide = told(
        limit(anomaly, "Hot", "P1", metric="cpu", node="h1", start_s=1000),
        limit(anomaly, "Full", "P1", metric="memory", node="h2", start_s=1100),
        anomaly("disk", "h3", 1200),
    )
    old, young, calm = (one.id for one in decide.incidents())
    for other in (young, calm):
        ask(decide, "merge_incidents", incident_id=old, other_id=other)
    for one in (decide, restored(decide)):
        assert [alert.page_key for alert in one.alerts()] == [old, young, old]
        one.on_anomaly(limit(anomaly, "Late", "P0", metric="net", node="h2", start_s=1300))
        assert one.alerts()[-1].page_key == old
        assert one.incidents()[0].page_keys == [old, young]


def test_a_survivor_that_paged_nobody_takes_the_key_of_who_did(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), limit(anomaly, "Full", "P1", metric="memory", node="h2", start_s=1100))
    old, young = (one.id for one in decide.incidents())
    assert [one.page_key for one in decide.alerts()] == [old, young]
    ask(decide, "merge_incidents", incident_id=old, other_id=young)
    assert [one.page_key for one in decide.alerts()] == [young, young]
    decide.on_anomaly(limit(anomaly, "Hot", "P1", metric="load", node="h1", start_s=1200))
    assert decide.incidents()[0].page_keys == [young]


def test_a_split_takes_the_named_alerts_into_an_incident_of_their_own(anomaly: Make) -> None:
    decide = told(
        anomaly("cpu", "h1", 1000),
        anomaly("memory", "h1", 1100, severity="critical"),
        anomaly("disk", "h1", 1200),
        anomaly("disk", "h1", 1200, state="end", at_s=1300),
    )
    (whole,) = decide.incidents()
    first, *moved = (one.alert_id for one in sorted(whole.members, key=lambda one: one.started_ms))
    result, outputs = ask(decide, "split_incident", incident_id=whole.id, alert_ids=moved, note="two faults")
    assert result.ok
    rest, new = incidents_in(outputs)
    assert (rest.id, [one.alert_id for one in rest.members], rest.severity) == (whole.id, [first], "warning")
    assert (new.id, new.started_ms, new.severity, new.firing_count) == (result.subject, 1_100_000, "critical", 1)
    assert [(one.incident_id, one.kind, one.text) for one in entries_in(outputs)] == [
        (rest.id, "split", f"2 alerts went into incident {new.id}: two faults"),
        (new.id, "opened", f"2 alerts came out of incident {rest.id}: two faults"),
    ]
    assert [one.incident_id for one in decide.alerts()] == [rest.id, new.id, new.id]


def test_the_first_alert_can_be_split_off_and_the_rest_begins_later(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h1", 1100))
    (whole,) = decide.incidents()
    (first,) = (one.id for one in decide.alerts() if one.started_ms == 1_000_000)
    result, _ = ask(decide, "split_incident", incident_id=whole.id, alert_ids=[first])
    assert {one.id: (one.started_ms, one.times.detected_ms) for one in decide.incidents()} == {
        result.subject: (1_000_000, 1_000_000),
        whole.id: (1_100_000, 1_100_000),
    }


def test_what_was_split_stays_apart_whatever_relates_to_both_even_after_a_restart_and_merges(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h1", 1100))
    (whole,) = decide.incidents()
    moved = decide.alerts()[1].id
    ask(decide, "split_incident", incident_id=whole.id, alert_ids=[moved])
    for one in (decide, restored(decide)):
        one.on_anomaly(anomaly("disk", "h1", 1050))
        one.on_anomaly(anomaly("disk", "h9", 900))
        one.on_anomaly(anomaly("cpu", "h9", 1150))
        one.on_anomaly(anomaly("memory", "h9", 1160))
        assert len(one.incidents()) == 2
        parts = {alert.id: alert.incident_id for alert in one.alerts()}
        assert parts[moved] not in {parts[alert.id] for alert in one.alerts() if alert.id != moved}


def test_a_person_may_merge_again_what_was_split_and_then_it_grows_together(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h1", 1100))
    (whole,) = decide.incidents()
    result, _ = ask(decide, "split_incident", incident_id=whole.id, alert_ids=[decide.alerts()[1].id])
    ask(decide, "merge_incidents", incident_id=whole.id, other_id=result.subject)
    assert [(one.id, one.member_count) for one in decide.incidents()] == [(whole.id, 2)]
    again, _ = ask(decide, "split_incident", incident_id=whole.id, alert_ids=[decide.alerts()[1].id])
    assert again.ok
    assert again.subject != result.subject


def test_a_split_leaves_the_incidents_key_and_takes_the_safety_lists_along(anomaly: Make) -> None:
    decide = told(
        limit(anomaly, "Hot", "P1", metric="cpu", start_s=1000),
        limit(anomaly, "Killed", "P0", metric="kills", start_s=1100, safety=True),
        limit(anomaly, "Full", "P1", metric="disk", start_s=1200),
    )
    (whole,) = decide.incidents()
    hot, killed, full = (one.id for one in decide.alerts())
    result, _ = ask(decide, "split_incident", incident_id=whole.id, alert_ids=[killed, full])
    keys = {one.id: one.page_keys for one in decide.incidents()}
    assert keys == {whole.id: [whole.id], result.subject: [killed, result.subject]}
    assert {one.id: one.page_key for one in decide.alerts()} == {hot: whole.id, killed: killed, full: result.subject}


def test_a_split_off_incident_is_looked_after_as_the_whole_was(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h1", 1100))
    (whole,) = decide.incidents()
    ask(decide, "move_incident", incident_id=whole.id, to="acknowledged")
    ask(decide, "split_incident", incident_id=whole.id, alert_ids=[decide.alerts()[1].id])
    assert [one.state for one in decide.incidents()] == ["acknowledged", "acknowledged"]
    assert all(one.acknowledged and one.acknowledged.by == "ada" for one in decide.incidents())


def test_a_split_that_cannot_be_is_refused(anomaly: Make) -> None:
    decide = told(anomaly("cpu", "h1", 1000), anomaly("memory", "h1", 1100))
    (whole,) = decide.incidents()
    ids = [one.id for one in decide.alerts()]
    every, _ = ask(decide, "split_incident", incident_id=whole.id, alert_ids=ids)
    assert (every.ok, every.reason) == (False, "these are all of its alerts: name some of them")
    strange, _ = ask(decide, "split_incident", incident_id=whole.id, alert_ids=[ids[0], "x"])
    assert strange.reason == "not in this incident: x; name alerts by the ids that it lists"
    assert decide.incidents() == [whole]
