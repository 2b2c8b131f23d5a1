"""How alerts stand, silences and acknowledgements: each change is written down for the audit, with who did it."""

from __future__ import annotations

from collections import Counter

from schemas.command_events import AcknowledgeAlert, ExpireSilence, LabelMatcher, PutSilence, UnacknowledgeAlert
from schemas.events import AuditEntry
from schemas.incident_events import TimelineEntry
from schemas.topics import AUDIT, TIMELINE
from tests.unit.incidents.dispatch.conftest import T0_MS, Fed, make_alert

NODE = [LabelMatcher(name="node", value="h1")]


def audited(fed: Fed) -> list[AuditEntry]:
    """What was written down since the last call."""
    found = [one for one in fed.said if one.topic is AUDIT]
    assert all((one.key, one.partition) == ("acme", 0) for one in found)
    fed.said.clear()
    return [AuditEntry.from_bytes(one.value) for one in found]


def turns(fed: Fed) -> list[tuple[float | str, float | str, str, str]]:
    return [(one.before, one.after, one.by, one.why) for one in audited(fed) if one.action == "alert_turned"]


def silence(ends_s: float) -> PutSilence:
    return PutSilence(
        silence_id="s1", matchers=NODE, starts_ms=T0_MS, ends_ms=T0_MS + round(ends_s * 1000), comment="moving house"
    )


def test_an_alert_that_begins_and_ends_is_two_entries_however_often_it_is_updated(fed: Fed) -> None:
    for at_s in range(0, 60, 10):
        fed.alert(at_s=at_s, observed=float(at_s))
    (begun,) = audited(fed)
    assert (begun.action, begun.subject, begun.entity) == ("alert_turned", "alert DiskFull of node:h1", "node:h1")
    assert (begun.subject_id, begun.before, begun.after) == (make_alert().id, "", "new")
    fed.alert(at_s=60, state="resolved")
    assert turns(fed) == [("new", "resolved", "", "it ended")]


def test_who_acknowledges_and_takes_it_back_is_named(fed: Fed) -> None:
    fed.alert()
    audited(fed)
    alert_id = make_alert().id
    fed.command(AcknowledgeAlert(alert_id=alert_id, note="I look"))
    done, turned = audited(fed)
    assert (done.action, done.by, done.subject_id, done.command_id) == ("command_done", "ann", alert_id, "c1")
    assert (turned.before, turned.after, turned.by, turned.why) == ("new", "acknowledged", "ann", "I look")
    fed.command(UnacknowledgeAlert(alert_id=alert_id), by="bob")
    assert turns(fed) == [("acknowledged", "new", "bob", "the acknowledgement was taken back")]


def test_what_is_refused_changes_nothing_and_says_why(fed: Fed) -> None:
    fed.command(AcknowledgeAlert(alert_id="a9"))
    (refused,) = audited(fed)
    assert (refused.action, refused.by, refused.stage) == ("command_refused", "ann", "route")
    assert refused.why == "there is no alert a9: it may have ended long ago"


def test_a_silence_is_put_changed_and_over_in_its_time(fed: Fed) -> None:
    fed.alert()
    audited(fed)
    fed.command(silence(600))
    put = next(one for one in audited(fed) if one.action == "silence_put")
    assert (put.before, put.after, put.by, put.subject_id) == ("", "active", "ann", "s1")
    assert put.why == 'it mutes {node="h1"} for 10 minutes: moving house'
    fed.command(silence(1200))
    assert [(one.before, one.after) for one in audited(fed) if one.action == "silence_put"] == [("active", "active")]
    fed.ticks(1190)
    assert audited(fed) == []
    fed.ticks(1400)
    over = audited(fed)
    assert [(one.action, one.before, one.after, one.by) for one in over] == [
        ("silence_expired", "active", "expired", ""),
        ("alert_turned", "suppressed", "new", ""),
    ]


def test_a_silence_that_somebody_ends_is_over_once(fed: Fed) -> None:
    fed.alert()
    fed.command(silence(600))
    assert ("new", "suppressed", "", "silence s1 mutes it") in turns(fed)
    fed.tick(60)
    fed.command(ExpireSilence(silence_id="s1"), by="bob")
    ended = [one for one in audited(fed) if one.action == "silence_expired"]
    assert [(one.before, one.after, one.by) for one in ended] == [("active", "expired", "bob")]
    fed.ticks(700)
    assert audited(fed) == []


def test_the_timeline_says_when_an_alert_is_muted_and_told_again(fed: Fed) -> None:
    fed.alert()
    fed.command(silence(600))
    fed.ticks(700)
    fed.alert(at_s=710, state="resolved")
    entries = [TimelineEntry.from_bytes(one.value) for one in fed.said if one.topic is TIMELINE]
    assert {(one.incident_id, one.kind, one.by) for one in entries} == {("i1", "note", "")}
    assert [one.text for one in entries] == [
        "Alert DiskFull of node:h1 is suppressed: silence s1 mutes it",
        "Alert DiskFull of node:h1 is new: nothing mutes it any more",
    ]


def test_an_alert_that_flaps_is_a_handful_of_entries_an_episode(fed: Fed) -> None:
    for since_s in range(0, 300, 20):
        fed.alert(since_s=since_s, at_s=since_s)
        fed.alert(since_s=since_s, at_s=since_s + 10, state="resolved")
    found = audited(fed)
    assert "flapping" in {one.after for one in found}
    assert max(Counter(one.subject_id for one in found).values()) <= 3


def test_a_stage_that_repeats_its_steps_writes_the_same_ids(fed: Fed) -> None:
    twin = Fed()
    for one in (fed, twin):
        one.alert()
        one.command(silence(600), command_id="c")
        one.ticks(700)
    ids = [entry.id for entry in audited(fed)]
    assert ids == [entry.id for entry in audited(twin)]
    assert len(ids) == len(set(ids))
