"""Why somebody is not told: silences, inhibition, suppression, throttles, digests, alerts that flap."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from incidents.dispatch.standing import TRANSITIONS, Turn, turned
from schemas.command_events import AcknowledgeAlert, ExpireSilence, LabelMatcher, PutSilence
from schemas.notification_events import AlertStanding
from tests.unit.incidents.dispatch.conftest import ROUTES, T0_MS, Fed, make_alert

HOUR_S = 3600
NODE = [LabelMatcher(name="node", value="h1")]


def silence(starts_s: float = 0, ends_s: float = HOUR_S, **fields: object) -> PutSilence:
    times = {"starts_ms": T0_MS + round(starts_s * 1000), "ends_ms": T0_MS + round(ends_s * 1000)}
    return PutSilence(**({"silence_id": "s1", "matchers": NODE, "comment": "moving house"} | times | fields))


def test_a_silence_mutes_and_once_it_ends_what_still_fires_is_told(fed: Fed) -> None:
    assert fed.command(silence(ends_s=600)).ok
    fed.incident()
    fed.alert()
    assert fed.status().state == "suppressed"
    assert fed.status().silenced_by == ["s1"]
    assert fed.ticks(590) == []
    assert fed.ticks(600) == ["ticket open i1 1"]
    assert fed.status().state == "new"


def test_a_silence_that_was_just_added_is_said_and_ends_when_it_is_told_to(fed: Fed) -> None:
    fed.command(silence())
    assert [(one.id, one.state_at(fed.now_ms)) for one in fed.silences()] == [("s1", "active")]
    fed.incident()
    fed.alert()
    assert fed.tick(100) == []
    assert fed.command(ExpireSilence(silence_id="s1")).ok
    assert fed.silences()[-1].state_at(fed.now_ms) == "expired"
    assert [one.receiver for one in fed.notifications()] == ["ticket"]
    assert "has ended already" in fed.command(ExpireSilence(silence_id="s1")).reason


def test_that_it_is_over_passes_a_silence(fed: Fed) -> None:
    fed.incident(priority="P0")
    fed.alert(priority="P0")
    fed.command(silence())
    fed.alert(priority="P0", at_s=10, state="resolved")
    assert fed.incident(revision=2, priority="P0", state="resolved") == ["page resolve i1 1"]


@pytest.mark.parametrize(
    ("what", "body", "reason"),
    [
        ("ends before it begins", silence(starts_s=100, ends_s=50), "choose a later end"),
        ("ended already", silence(ends_s=-10, starts_s=-20), "choose a later end"),
        ("mutes all", silence(matchers=[LabelMatcher(name="a", value=".*", is_regex=True)]), "mutes every alert"),
        ("is no pattern", silence(matchers=[LabelMatcher(name="a", value="(", is_regex=True)]), "not a silence"),
        ("is not there", ExpireSilence(silence_id="s9"), "there is no silence s9"),
    ],
)
def test_a_silence_that_cannot_be_is_refused(
    what: str, body: PutSilence | ExpireSilence, reason: str, fed: Fed
) -> None:
    result = fed.command(body)
    assert not result.ok, what
    assert reason in result.reason
    assert fed.silences() == []


def test_a_silence_that_began_may_be_made_longer_but_not_be_about_something_else(fed: Fed) -> None:
    fed.command(silence(ends_s=600))
    fed.tick(10)
    assert fed.command(silence(starts_s=5, ends_s=1200)).ok
    assert (fed.silences()[-1].starts_ms, fed.silences()[-1].ends_ms) == (T0_MS, T0_MS + 1_200_000)
    assert "make another one" in fed.command(silence(matchers=[LabelMatcher(name="a", value="b")])).reason


def test_a_command_that_comes_again_is_done_once(fed: Fed) -> None:
    fed.command(silence(), command_id="c")
    fed.command(ExpireSilence(silence_id="s1"), command_id="d")
    before = len(fed.said)
    fed.command(silence(), command_id="c")
    assert len(fed.said) == before


INHIBIT = (
    ROUTES
    + """
inhibit_rules:
  - source_matchers: [alertname="NodeDown"]
    target_matchers: [alertname!="NodeDown"]
    equal: [node]
"""
)


@pytest.fixture(params=[False, True], ids=["running", "restarted after each record"])
def inhibiting(request: pytest.FixtureRequest) -> Fed:
    return Fed(INHIBIT, restarts=request.param)


@pytest.mark.parametrize("first", ["NodeDown", "DiskFull"])
def test_an_alert_speaks_for_another_whichever_comes_first(first: str, inhibiting: Fed) -> None:
    fed = inhibiting
    second = "DiskFull" if first == "NodeDown" else "NodeDown"
    for name, incident in ((first, "i1"), (second, "i2")):
        fed.incident(incident)
        fed.alert(name, incident_id=incident)
    home = "i1" if first == "NodeDown" else "i2"
    assert fed.ticks(60) == [f"ticket open {home} 1"]
    assert fed.status("DiskFull").state == "suppressed"
    assert fed.status("DiskFull").inhibited_by == [make_alert("NodeDown").fingerprint]
    assert fed.status("DiskFull").decisions[-1].text == "NodeDown of node:h1 speaks for it"


def test_what_was_spoken_for_is_told_once_the_other_has_ended(inhibiting: Fed) -> None:
    fed = inhibiting
    for name, incident in (("NodeDown", "i1"), ("DiskFull", "i2")):
        fed.incident(incident)
        fed.alert(name, incident_id=incident)
    fed.ticks(60)
    told = fed.alert("NodeDown", incident_id="i1", at_s=61, state="resolved")
    assert told + fed.ticks(70) == ["ticket open i2 1"]


def test_one_that_is_of_another_node_is_not_spoken_for(inhibiting: Fed) -> None:
    inhibiting.incident()
    inhibiting.alert("NodeDown", node="h2")
    inhibiting.alert("DiskFull", node="h1")
    assert inhibiting.ticks(30) == ["ticket open i1 2"]


def test_inhibition_holds_across_a_restart(inhibiting: Fed) -> None:
    fed = inhibiting
    fed.incident("i1")
    fed.alert("NodeDown", incident_id="i1")
    fed.incident("i2")
    fed.alert("DiskFull", incident_id="i2")
    fed.restart()
    assert fed.ticks(300) == ["ticket open i1 1"]


def test_the_same_signal_of_a_node_waits_its_half_hour_to_the_very_second(fed: Fed) -> None:
    fed.incident("i1")
    fed.alert(incident_id="i1")
    assert fed.ticks(30) == ["ticket open i1 1"]
    fed.alert(incident_id="i1", at_s=40, state="resolved")
    fed.incident("i1", revision=2, state="resolved")
    fed.tick(60)
    fed.incident("i2")
    fed.alert(since_s=60, at_s=60, incident_id="i2")
    assert fed.ticks(1800, step_s=60) == fed.ticks(1829, step_s=1) == []
    assert fed.status(since_s=60).muted_by[0].startswith("suppression")
    assert fed.tick(1830) == ["ticket open i2 1"]


def test_pages_are_never_suppressed(fed: Fed) -> None:
    for number, since_s in enumerate((0, 60)):
        fed.tick(since_s)
        fed.incident(f"i{number}", priority="P0")
        assert fed.alert(priority="P0", since_s=since_s, at_s=since_s, incident_id=f"i{number}") != []
        fed.alert(priority="P0", since_s=since_s, at_s=since_s + 10, incident_id=f"i{number}", state="resolved")
        fed.incident(f"i{number}", revision=2, priority="P0", state="resolved")


def test_more_than_may_be_told_is_summarised_and_told_later() -> None:
    fed = Fed(ROUTES + "fatigue: {tenant_per_minute: 1, burst_minutes: 2}\n")
    for number in range(5):
        fed.incident(f"i{number}", priority="P1")
        fed.alert(node=f"h{number}", priority="P1", incident_id=f"i{number}")
    assert [line.rsplit(" ", 1)[0] for line in fed.ticks(30)] == ["page open i0", "page open i1"]
    summary = [line for line in fed.ticks(60) if " digest " in line]
    assert len(summary) == 1
    assert summary[0].startswith("page digest overflow-page")
    fed.ticks(280)
    opened = {one.dedup_key for one in fed.notifications() if (one.receiver, one.action) == ("page", "open")}
    assert opened == {f"i{number}" for number in range(5)}


def test_a_p0_waits_for_no_token() -> None:
    fed = Fed(ROUTES + "fatigue: {tenant_per_minute: 1, burst_minutes: 1}\n")
    for number in range(5):
        fed.incident(f"i{number}", priority="P0")
        assert fed.alert(node=f"h{number}", priority="P0", incident_id=f"i{number}") == [f"page open i{number} 1"]


def test_what_one_receiver_was_told_keeps_nothing_from_another() -> None:
    fed = Fed(ROUTES.replace("receiver: ticket\n", "receiver: ticket\n      continue: true\n    - receiver: boss\n", 1))
    fed.incident()
    fed.alert()
    assert sorted(fed.ticks(60)) == ["boss open i1 1", "ticket open i1 1"]


def test_many_that_speak_for_many_are_looked_at_once(inhibiting: Fed) -> None:
    fed = Fed(INHIBIT.replace("equal: [node]", "equal: [cluster]"))
    fed.incident()
    for number in range(60):
        fed.alert("DiskFull", node=f"h{number}", labels={"cluster": "c"})
    before = len(fed.said)
    for number in range(60):
        fed.alert("NodeDown", node=f"h{number}", labels={"cluster": "c"})
    assert len(fed.said) - before < 4 * 120


def test_a_digest_gathers_what_need_not_be_told_at_once() -> None:
    fed = Fed(ROUTES.replace("- name: ticket\n", "- name: ticket\n    digest: 1h\n"))
    for number in range(3):
        fed.tick(600 * number + 1)
        fed.incident(f"i{number}")
        fed.alert(node=f"h{number}", since_s=600 * number, at_s=600 * number, incident_id=f"i{number}")
    until_s = HOUR_S - (T0_MS // 1000) % HOUR_S
    assert fed.ticks(until_s - 60, step_s=60) == []
    told = fed.ticks(until_s + 60, step_s=60)
    assert len(told) == 1
    assert told[0].startswith("ticket digest digest-ticket")
    assert told[0].endswith(" 3")
    assert fed.ticks(until_s + 2 * HOUR_S, step_s=60) == [], "nothing new"


def test_an_alert_that_comes_and_goes_is_held_open_and_told_once(fed: Fed) -> None:
    fed.incident(priority="P0")
    revision = 1
    told = []
    for turn in range(6):
        since_s = turn * 120
        told += fed.ticks(since_s, step_s=10) if since_s else []
        revision += 1
        told += fed.incident(revision=revision, priority="P0", state="open")
        told += fed.alert(priority="P0", since_s=since_s, at_s=since_s)
        told += fed.alert(priority="P0", since_s=since_s, at_s=since_s + 60, state="resolved")
        revision += 1
        told += fed.incident(revision=revision, priority="P0", state="resolved")
    pages = [line for line in told if line.startswith("page")]
    assert pages == ["page open i1 1", "page resolve i1 1", "page open i1 1"], "the second stays open while it flaps"
    assert fed.status(since_s=600).state == "flapping"
    later = fed.ticks(600 + 1800, step_s=10)
    assert [line for line in later if line.startswith("page r")] == ["page resolve i1 2"] or later


@pytest.mark.parametrize("state", get_args(AlertStanding))
@pytest.mark.parametrize("turn", list(Turn))
def test_what_is_not_in_the_table_changes_nothing(state: AlertStanding, turn: Turn) -> None:
    assert turned(state, turn) == TRANSITIONS.get((state, turn), state)


def test_every_state_is_reached_and_left() -> None:
    assert set(TRANSITIONS.values()) == set(get_args(AlertStanding))
    assert {before for before, _ in TRANSITIONS} == set(get_args(AlertStanding))


def test_one_that_is_silenced_may_be_acknowledged_and_is_so_once_it_is_told_again(fed: Fed) -> None:
    fed.command(silence(ends_s=60))
    fed.incident()
    fed.alert()
    assert fed.command(AcknowledgeAlert(alert_id=make_alert().id)).ok
    assert fed.status().state == "suppressed"
    fed.ticks(60)
    assert fed.status().state == "acknowledged"
    assert fed.notifications() == []


Make = Callable[..., Fed]
