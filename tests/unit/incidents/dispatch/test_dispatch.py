"""Who is told what, when: groups, priorities, intervals, incidents that change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from incidents.routing.reading import routing_from
from schemas.command_events import AcknowledgeAlert, UnacknowledgeAlert
from schemas.events import Setting
from tests.unit.incidents.dispatch.conftest import ACKNOWLEDGED, ROUTES, Fed, make_alert

HOUR_S = 3600


def test_a_group_waits_so_that_others_join_and_is_told_once(fed: Fed) -> None:
    assert fed.incident() == []
    for number in range(50):
        assert fed.alert(node=f"h{number}") == []
    assert fed.ticks(29, step_s=1) == []
    assert fed.tick(30) == ["ticket open i1 50"]
    assert fed.ticks(HOUR_S) == []


def test_a_p0_is_told_at_once_and_later_members_update_it_under_the_same_key(fed: Fed) -> None:
    fed.incident(priority="P0")
    assert fed.alert(priority="P0") == ["page open i1 1"]
    assert fed.alert(node="h2", at_s=1) == []
    assert fed.ticks(299, step_s=13) == []
    assert fed.tick(300)[0] == "page update i1 2"


def test_an_alert_that_comes_before_its_incident_is_told_under_the_incidents_key(fed: Fed) -> None:
    assert fed.alert(priority="P0") == ["page open i1 1"]
    assert fed.incident(priority="P0") == []
    assert fed.incident(revision=2, priority="P0", state="resolved") == ["page resolve i1 1"]


def test_a_p0_is_paged_even_if_its_incident_is_known_to_be_over_and_then_that_is_told(fed: Fed) -> None:
    fed.incident(revision=5, priority="P0", state="resolved")
    assert fed.alert(priority="P0") == ["page open i1 1"]
    fed.alert(priority="P0", at_s=2, state="resolved")
    assert fed.ticks(4, step_s=1) == []
    assert fed.tick(5) == ["page resolve i1 1"]
    assert fed.ticks(60) == []


def test_a_p0_that_reopens_an_incident_is_paged_once_though_it_comes_first(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    fed.alert(priority="P0", at_s=10, state="resolved")
    fed.incident(revision=2, priority="P0", state="resolved")
    fed.tick(60)
    assert fed.alert(priority="P0", since_s=60, at_s=60) == ["page open i1 1"]
    assert fed.tick(61) == []
    assert fed.incident(revision=3, priority="P0") == []
    assert fed.ticks(300) == []


def test_an_incident_that_a_person_resolved_is_not_paged_again_though_its_alerts_fire(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    assert fed.incident(revision=2, priority="P0", state="resolved") == ["page resolve i1 1"]
    assert fed.alert(priority="P0", at_s=60) == []
    assert fed.ticks(600) == []


def test_what_comes_again_tells_nothing(fed: Fed) -> None:
    fed.incident(priority="P0")
    assert fed.alert(priority="P0") == ["page open i1 1"]
    assert fed.alert(priority="P0") == []
    assert fed.incident(priority="P0") == []
    fed.alert(priority="P0", at_s=5, state="resolved")
    assert fed.alert(priority="P0") == [], "an older state that comes again opens nothing"
    assert fed.incident(revision=2, priority="P0", state="resolved") == ["page resolve i1 1"]
    assert fed.incident(revision=1, priority="P0") == []


def test_a_page_ends_with_its_incident_not_before(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    assert fed.alert(priority="P0", at_s=10, state="resolved") == []
    assert fed.tick(20) == []
    assert fed.incident(revision=2, priority="P0", state="resolved") == ["page resolve i1 1"]
    assert fed.status().state == "resolved"


def test_an_alert_that_ends_before_its_group_is_told_is_never_told(fed: Fed) -> None:
    fed.incident()
    fed.alert()
    fed.alert(at_s=10, state="resolved")
    fed.incident(revision=2, state="resolved")
    assert fed.ticks(HOUR_S, step_s=30) == []


def test_an_incident_that_is_reopened_is_told_anew(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    fed.alert(priority="P0", at_s=10, state="resolved")
    fed.incident(revision=2, priority="P0", state="resolved")
    fed.tick(60)
    fed.incident(revision=3, priority="P0", state="open")
    assert fed.alert(priority="P0", since_s=60, at_s=60) == ["page open i1 1"]
    one, two, three = (told.sequence for told in fed.notifications() if told.dedup_key == "i1")
    assert one < two < three


def test_an_incident_that_becomes_urgent_is_paged_at_once_and_its_ticket_stays(fed: Fed) -> None:
    fed.incident()
    fed.alert()
    assert fed.tick(30) == ["ticket open i1 1"]
    assert fed.alert("OutOfMemory", priority="P0", at_s=31) == ["page open i1 1"]
    assert fed.incident(revision=2, priority="P0") == ["ticket update i1 1"], "it is P0 now"
    fed.alert(at_s=40, state="resolved")
    fed.alert("OutOfMemory", priority="P0", at_s=40, state="resolved")
    ended = fed.incident(revision=3, priority="P0", state="resolved")
    assert sorted(line.rsplit(" ", 1)[0] for line in ended) == ["page resolve i1", "ticket resolve i1"]


def test_a_p1_outside_of_business_hours_waits_for_them(fed: Fed) -> None:
    evening_s = 8 * HOUR_S
    fed.tick(evening_s)
    fed.incident(priority="P1")
    fed.alert(priority="P1", since_s=evening_s, at_s=evening_s)
    next_day_s = 23 * HOUR_S  # 9:00 on Tuesday
    assert fed.ticks(next_day_s - 10, step_s=600) == []
    status = fed.status(since_s=evening_s)
    assert status.muted_by == ["interval business-hours"]
    assert fed.tick(next_day_s) == ["page open i1 1"]
    assert fed.status(since_s=evening_s).muted_by == []


def test_a_queued_p1_that_becomes_p0_is_paged_at_once(fed: Fed) -> None:
    evening_s = 8 * HOUR_S
    fed.tick(evening_s)
    fed.incident(priority="P1")
    fed.alert(priority="P1", since_s=evening_s, at_s=evening_s)
    assert fed.tick(evening_s + 60) == []
    assert fed.alert(priority="P0", since_s=evening_s, at_s=evening_s + 61) == ["page open i1 1"]


def test_a_safety_alert_pages_inside_an_incident_that_was_paged_already(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert("SloBurn", priority="P0")
    oom = make_alert("OutOfMemory", "h2")
    assert fed.alert("OutOfMemory", "h2", priority="P0", safety=True) == [f"page open {oom.id} 1"]
    assert fed.alert("OutOfMemory", "h2", priority="P0", safety=True, at_s=1) == []
    ended = fed.incident(revision=2, priority="P0", state="resolved")
    assert [line.rsplit(" ", 1)[0] for line in ended] == ["page resolve i1", f"page resolve {oom.id}"]


def test_incidents_that_become_one_keep_their_keys_and_open_none(fed: Fed) -> None:
    for name in ("i1", "i2"):
        fed.incident(name, priority="P0")
        fed.alert(node=name, priority="P0", incident_id=name)
    assert [one.dedup_key for one in fed.notifications()] == ["i1", "i2"]
    fed.incident("i2", revision=2, priority="P0", state="merged", merged_into="i1")
    fed.incident("i1", revision=2, priority="P0", aliases=["i2"])
    fed.alert(node="i3", priority="P0", incident_id="i1", at_s=1)
    assert fed.ticks(290) == []
    ended = fed.incident("i1", revision=3, priority="P0", state="resolved", aliases=["i2"])
    assert sorted(line.rsplit(" ", 1)[0] for line in ended) == ["page resolve i1", "page resolve i2"]


def test_an_incident_nobody_was_paged_for_goes_on_under_the_key_of_the_one_that_was(fed: Fed) -> None:
    fed.incident("i2", priority="P0")
    fed.alert(node="a", priority="P0", incident_id="i2")
    fed.incident("i1")
    fed.alert(node="b", incident_id="i1")
    fed.incident("i2", revision=2, priority="P0", state="merged", merged_into="i1")
    fed.incident("i1", revision=2, priority="P0", aliases=["i2"])
    opened = [one.dedup_key for one in fed.notifications() if (one.receiver, one.action) == ("page", "open")]
    assert opened == ["i2"]
    ended = fed.incident("i1", revision=3, priority="P0", state="resolved", aliases=["i2"])
    assert "page resolve i2" in [line.rsplit(" ", 1)[0] for line in ended]


def test_nobody_acknowledges_and_the_next_of_the_chain_is_told(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    assert fed.ticks(299, step_s=13) == []
    assert fed.tick(300) == ["second open i1/escalation-1 1"]
    assert fed.ticks(890) == []
    assert fed.tick(900) == ["boss open i1/escalation-2 1"]
    ended = fed.incident(revision=2, priority="P0", state="resolved")
    assert sorted(line.rsplit(" ", 1)[0] for line in ended) == [
        "boss resolve i1/escalation-2",
        "page resolve i1",
        "second resolve i1/escalation-1",
    ]


@pytest.mark.parametrize("state", ["acknowledged", "mitigated"])
def test_an_incident_that_somebody_looks_after_escalates_no_further(state: str, fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    fed.incident(revision=2, priority="P0", state=state, acknowledged=ACKNOWLEDGED)
    assert fed.ticks(5 * HOUR_S, step_s=300) == []


def test_an_acknowledgement_holds_for_its_episode_alone(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    first = make_alert()
    assert fed.command(AcknowledgeAlert(alert_id=first.id, note="on it")).ok
    assert fed.status().state == "acknowledged"
    assert fed.ticks(HOUR_S, step_s=60) == []
    fed.alert(priority="P0", at_s=HOUR_S, state="resolved")
    fed.incident(revision=2, priority="P0", state="resolved")
    fed.tick(HOUR_S + 10)
    fed.incident(revision=3, priority="P0", state="open")
    assert fed.alert(priority="P0", since_s=HOUR_S + 10, at_s=HOUR_S + 10) == ["page open i1 1"]
    assert fed.tick(HOUR_S + 310) == ["second open i1/escalation-1 1"]
    assert fed.command(AcknowledgeAlert(alert_id=first.id)).reason.endswith("it cannot be acknowledged")


def test_an_acknowledgement_that_is_taken_back_lets_the_chain_go_on(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    fed.command(AcknowledgeAlert(alert_id=make_alert().id))
    fed.ticks(400)
    assert fed.command(UnacknowledgeAlert(alert_id=make_alert().id)).ok
    assert fed.tick(410) == [] or fed.notifications()[-1].receiver == "second"
    assert fed.notifications()[-1].dedup_key == "i1/escalation-1"
    assert not fed.command(UnacknowledgeAlert(alert_id=make_alert().id)).ok


def test_a_group_of_labels_is_told_of_new_ended_and_lasting_alerts_as_alertmanager_does(
    feed: Callable[..., Fed],
) -> None:
    routes = """
route: {receiver: log, group_by: [alertname], repeat_interval: 1h}
receivers: [{name: log, log_configs: [{}]}]
"""
    fed = feed(routes)
    fed.alert(node="h1")
    fed.alert(node="h2")
    key = '{}:{alertname="DiskFull"}'
    assert fed.ticks(40) == [f"log open {key} 2"]
    fed.alert(node="h1", at_s=50, state="resolved")
    assert fed.ticks(320) == []
    assert fed.ticks(340) == [f"log update {key} 2"], "one has ended, and is listed as ended"
    assert [one.state for one in fed.notifications()[-1].alerts] == ["firing", "resolved"]
    fed.alert(node="h3", since_s=341, at_s=341)
    assert fed.ticks(640) == [f"log update {key} 2"], "one has come"
    assert fed.ticks(4220) == []
    assert fed.ticks(4230) == [f"log update {key} 2"], "they last"
    for node, since_s in (("h2", 0), ("h3", 341)):
        fed.alert(node=node, since_s=since_s, at_s=4231, state="resolved")
    assert [line.rsplit(" ", 1)[0] for line in fed.ticks(4600)] == [f"log resolve {key}"]


def test_routes_that_change_hold_from_then_on_and_survive_a_restart(fed: Fed) -> None:
    changed = ROUTES.replace("receiver: ticket", "receiver: boss")
    body = routing_from(changed, "routes.yaml").public()
    fed.incident()
    fed.alert()
    fed.take(fed.operator.on_setting(Setting(subject="routing", valid_from_ms=0, body=body)))
    fed.restart()
    assert fed.ticks(60) == ["boss open i1 1"]


def test_an_alert_says_why_it_was_told(fed: Fed) -> None:
    fed.incident()
    fed.alert()
    fed.ticks(30)
    steps = [(one.step, one.verdict) for one in fed.status().decisions]
    assert steps == [("priority", "P2"), ("route", "matched"), ("group", "joined"), ("notification", "open")]
    assert fed.status().receivers == ["ticket"]


def test_a_page_names_the_alert_that_makes_it_p0_though_its_incident_comes_first(fed: Fed) -> None:
    fed.incident(priority="P1")
    fed.alert("SlowCheckout", priority="P1")
    assert fed.tick(31) == ["page open i1 1"]
    assert fed.incident(revision=2, priority="P0") == ["page update i1 1"], "it is P0 now"
    assert fed.alert("DiskFull", priority="P0", at_s=32) == ["page update i1 2"], "what makes it P0"
    assert fed.alert("MemoryFull", priority="P0", at_s=33) == [], "the others wait for the group"


def test_what_does_not_persist_is_not_escalated() -> None:
    fed = Fed(ROUTES + "fatigue: {persist_s: 600}\n")
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    assert fed.ticks(590) == []
    assert fed.tick(600) == ["second open i1/escalation-1 1"]


def test_who_looks_after_an_incident_looks_after_its_alerts_until_that_is_taken_back(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    fed.incident(revision=2, priority="P0", state="acknowledged", acknowledged=ACKNOWLEDGED)
    assert (fed.status().state, fed.status().acknowledged) == ("acknowledged", ACKNOWLEDGED)
    fed.alert(node="h2", priority="P0", at_s=5, since_s=5)
    assert fed.status(node="h2", since_s=5).state == "new", "nobody has seen it"
    fed.incident(revision=3, priority="P0", state="open")
    assert fed.status().state == "new"
    assert [one.verdict for one in fed.status().decisions if one.step == "acknowledgement"] == [
        "acknowledged",
        "taken back",
    ]


def test_a_chain_is_gone_through_again_when_an_incident_is_told_anew(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    fed.ticks(300)
    fed.alert(priority="P0", at_s=310, state="resolved")
    fed.incident(revision=2, priority="P0", state="resolved")
    fed.tick(400)
    fed.incident(revision=3, priority="P0")
    assert fed.alert(node="h2", priority="P0", since_s=400, at_s=400) == ["page open i1 1"]
    assert fed.ticks(690) == []
    assert fed.ticks(700) == ["second open i1/escalation-1 1"]


def test_an_alert_that_moves_to_another_incident_leaves_the_first_for_good(fed: Fed) -> None:
    fed.incident("i1")
    fed.incident("i2")
    fed.alert(incident_id="i1")
    fed.alert(incident_id="i2", at_s=1)
    fed.alert(incident_id="i2", at_s=2, state="resolved")
    fed.incident("i2", revision=2, state="resolved")
    fed.tick(90_000)
    fed.tick(90_100)
    assert fed.incident("i1", revision=2, priority="P0") == []
    assert fed.alert(node="h2", priority="P0", incident_id="i1", since_s=90_100, at_s=90_100) == ["page open i1 1"]


@pytest.mark.parametrize("labels", [{"priority": "P3"}, {"priority": "p0"}, {"incident_id": "other"}])
def test_an_alerts_own_labels_do_not_override_what_was_decided(labels: dict[str, str], fed: Fed) -> None:
    fed.incident(priority="P0")
    assert fed.alert(priority="P0", labels=labels) == ["page open i1 1"]
    (name,) = labels
    assert fed.notifications()[-1].common_labels[f"exported_{name}"] == labels[name]


def test_a_receiver_that_is_configured_no_longer_is_told_that_all_is_over(fed: Fed) -> None:
    fed.incident()
    fed.alert()
    assert fed.tick(30) == ["ticket open i1 1"]
    body = routing_from(ROUTES.replace("ticket", "tracker"), "routes.yaml").public()
    fed.take(fed.operator.on_setting(Setting(subject="routing", valid_from_ms=0, body=body)))
    fed.alert(at_s=40, state="resolved")
    assert "ticket resolve i1 1" in fed.incident(revision=2, state="resolved")


TWO = ROUTES.replace("- name: ticket\n    log_configs: [{}]", "- name: ticket\n    log_configs: [{}, {}]")


@pytest.mark.parametrize("action", ["open", "resolve"])
def test_an_integration_that_a_kill_kept_from_being_told_is_told_by_the_next_tick(action: str) -> None:
    fed = Fed(TWO)
    fed.incident()
    fed.alert()
    if action == "resolve":
        fed.tick(30)
    fed.restart()
    if action == "open":
        fed.tick(30)
    else:
        fed.alert(at_s=40, state="resolved")
        fed.incident(revision=2, state="resolved")
    first, second = fed.notifications()[-2:]
    fed.forget_since_restart()
    assert fed.operator.on_told(first) == []
    fed.tick(60)
    assert fed.notifications()[-1] == second, "the very same, under the same id"
