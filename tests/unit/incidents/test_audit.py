"""Every transition of an incident, and every command about one, is written down for the audit, with who did it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from incidents.decide import DecideOperator, DecideSettings
from schemas.command_events import Command
from schemas.events import Anomaly, AuditEntry
from schemas.topics import AUDIT
from streams.operator import Output

Make = Callable[..., Anomaly]


def entries(outputs: Sequence[Output]) -> list[AuditEntry]:
    assert all((one.key, one.partition) == ("default", 0) for one in outputs if one.topic is AUDIT)
    return [AuditEntry.from_bytes(one.value) for one in outputs if one.topic is AUDIT]


def moves(outputs: Sequence[Output]) -> list[tuple[str | None, float | str, float | str, str]]:
    """The incident, what it was and is, and who did it."""
    found = [one for one in entries(outputs) if one.action == "incident_moved"]
    return [(one.subject_id, one.before, one.after, one.by) for one in found]


class Life:
    """A stage, asked by ada, one command after the other."""

    def __init__(self, *anomalies: Anomaly) -> None:
        self.decide = DecideOperator(DecideSettings(), 0, 1)
        self.said = [one for anomaly in anomalies for one in self.decide.on_anomaly(anomaly)]
        self.asked = 0

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.decide.incidents()]

    def ask(self, kind: str, **body: Any) -> list[Output]:
        self.asked += 1
        at_ms = 2_000_000 + self.asked
        fields = {"id": f"c{self.asked}", "tenant": "default", "by": "ada", "at_ms": at_ms}
        return self.decide.on_command(Command.model_validate({**fields, "body": {"kind": kind, **body}}))


def test_an_incident_that_opens_resolves_and_opens_again_is_followed_by_the_audit(anomaly: Make) -> None:
    life = Life(anomaly())
    (name,) = life.ids
    assert moves(life.said) == [(name, "", "open", "")]
    life.decide.on_anomaly(anomaly(state="end", at_s=1100))
    assert moves(life.decide.on_tick(1_130_000)) == [(name, "open", "resolved", "")]
    assert moves(life.decide.on_anomaly(anomaly(start_s=1140))) == [(name, "resolved", "open", "")]


def test_what_a_person_did_names_them_and_says_what_it_changed(anomaly: Make) -> None:
    life = Life(anomaly())
    (name,) = life.ids
    moved, done = entries(life.ask("move_incident", incident_id=name, to="acknowledged", note="I look"))
    assert (moved.action, moved.before, moved.after, moved.by, moved.why) == (
        "incident_moved",
        "open",
        "acknowledged",
        "ada",
        "I look",
    )
    assert (done.action, done.subject, done.subject_id, done.command_id, done.by) == (
        "command_done",
        "command move_incident",
        name,
        "c1",
        "ada",
    )


def test_what_is_asked_for_again_is_done_but_no_transition(anomaly: Make) -> None:
    life = Life(anomaly())
    (name,) = life.ids
    life.ask("move_incident", incident_id=name, to="acknowledged")
    (only,) = entries(life.ask("move_incident", incident_id=name, to="acknowledged"))
    assert only.action == "command_done"


def test_what_is_refused_is_written_down_with_the_reason(anomaly: Make) -> None:
    life = Life(anomaly())
    (refused,) = entries(life.ask("move_incident", incident_id="i9", to="resolved"))
    assert (refused.action, refused.by, refused.subject_id) == ("command_refused", "ada", None)
    assert refused.why.startswith("no incident has the id i9: ")


def test_a_merge_and_a_split_are_transitions(anomaly: Make) -> None:
    life = Life(anomaly("cpu", "h1", 1000), anomaly("memory", "h2", 1100))
    old, young = life.ids
    merged = life.ask("merge_incidents", incident_id=old, other_id=young)
    assert moves(merged) == [(young, "open", "merged", "ada")]
    newest = max(life.decide.alerts(), key=lambda one: one.started_ms)
    split = life.ask("split_incident", incident_id=old, alert_ids=[newest.id])
    (new,) = set(life.ids) - {old}
    assert moves(split) == [(new, "", "open", "ada")]


def test_an_incident_that_takes_over_one_that_is_looked_after_is_looked_after(anomaly: Make) -> None:
    low = {"severity": "info", "priority": "P2", "kind": "limit", "detector": "rule"}
    life = Life(anomaly("cpu", "h1", 1000, **low), anomaly("memory", "h2", 1100, **low))
    old, young = life.ids
    life.ask("move_incident", incident_id=young, to="acknowledged")
    merged = life.ask("merge_incidents", incident_id=old, other_id=young)
    assert moves(merged) == [(young, "acknowledged", "merged", "ada"), (old, "open", "acknowledged", "ada")]


def test_a_step_that_is_repeated_after_a_kill_writes_the_same_ids(anomaly: Make) -> None:
    one, other = (Life(anomaly(), anomaly(state="end", at_s=1100)) for _ in range(2))
    said = [[*life.said, *life.decide.on_tick(1_130_000)] for life in (one, other)]
    ids = [[entry.id for entry in entries(outputs)] for outputs in said]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_alerts_that_machines_post_are_no_deeds_of_people(anomaly: Make) -> None:
    life = Life(anomaly())
    posted = life.ask("post_alerts", alerts=[{"labels": {"alertname": "Full"}}])
    assert [one.action for one in entries(posted)] == ["incident_moved"]
