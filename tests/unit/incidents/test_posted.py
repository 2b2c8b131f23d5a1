"""Alerts that other systems push: what they are called, which episode a post belongs to, and when they end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.decide import DecideOperator, DecideSettings
from incidents.posted import MOST_BYTES
from schemas.command_events import Command, CommandResult
from schemas.events import Anomaly
from schemas.ids import alert_fingerprint
from schemas.incident_events import Alert, TimelineEntry
from schemas.topics import ALERTS, COMMAND_RESULTS, TIMELINE
from streams.operator import Output

Make = Callable[..., Anomaly]
_IDS = itertools.count(1)
FULL = {"alertname": "DiskFull", "severity": "critical", "node": "h1"}


def operator(**fields: Any) -> DecideOperator:
    return DecideOperator(DecideSettings(**fields), 0, 1)


def posted(labels: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    times = {
        f"{name}_ms": round(fields.pop(f"{name}_s") * 1000) for name in ("starts", "ends") if f"{name}_s" in fields
    }
    return {"labels": FULL if labels is None else labels, **fields, **times}


def post(decide: DecideOperator, *alerts: dict[str, Any], at_s: float = 1000) -> list[Output]:
    body = {"kind": "post_alerts", "alerts": alerts}
    fields = {"id": f"c{next(_IDS)}", "tenant": "default", "at_ms": round(at_s * 1000)}
    return decide.on_command(Command.model_validate({**fields, "body": body}))


def result_in(outputs: Sequence[Output]) -> CommandResult:
    (result,) = [CommandResult.from_bytes(one.value) for one in outputs if one.topic is COMMAND_RESULTS]
    return result


def alerts_in(outputs: Sequence[Output]) -> list[Alert]:
    return [Alert.from_bytes(one.value) for one in outputs if one.topic is ALERTS]


def episodes(decide: DecideOperator) -> list[tuple[int, int | None]]:
    return [(one.started_ms // 1000, None if one.ended_ms is None else one.ended_ms // 1000) for one in decide.alerts()]


def test_a_posted_alert_is_known_by_exactly_its_labels_and_opens_an_incident() -> None:
    decide = operator()
    labels = {**FULL, "team": ""}
    said = {"summary": "/data is full", "description": "no room", "runbook_url": "https://r.example/full"}
    outputs = post(decide, posted(labels, annotations=said, generator_url="https://prom.example/g"), at_s=1000)
    (alert,) = alerts_in(outputs)
    assert alert.labels == FULL
    assert alert.fingerprint == alert_fingerprint(FULL)
    assert alert.id == f"{alert.fingerprint}-1000000"
    assert (alert.entity, alert.signal, alert.source) == ("node:h1", "DiskFull", "posted")
    assert (alert.annotations, alert.generator_url) == (said, "https://prom.example/g")
    (incident,) = decide.incidents()
    assert (incident.title, incident.priority, incident.page_keys) == ("DiskFull on node h1", "P1", [incident.id])
    assert (result_in(outputs).ok, result_in(outputs).subject) == (True, alert.id)


@pytest.mark.parametrize(
    ("labels", "severity", "priority"),
    [
        ({"severity": "critical"}, "critical", "P1"),
        ({"severity": "page"}, "critical", "P1"),
        ({"severity": "Warning"}, "warning", "P2"),
        ({"severity": "error"}, "warning", "P2"),
        ({"severity": "info"}, "info", "P3"),
        ({"severity": "none"}, "info", "P3"),
        ({"severity": "catastrophic"}, "warning", "P2"),
        ({}, "warning", "P2"),
        ({"severity": "info", "priority": "P0"}, "info", "P0"),
        ({"severity": "critical", "priority": "p3"}, "critical", "P3"),
        ({"severity": "critical", "priority": "urgent"}, "critical", "P1"),
    ],
)
def test_its_labels_say_how_severe_and_how_urgent_it_is(labels: dict[str, str], severity: str, priority: str) -> None:
    decide = operator()
    post(decide, posted({"alertname": "A", **labels}))
    (alert,) = decide.alerts()
    assert (alert.severity, alert.priority, alert.safety) == (severity, priority, False)
    assert (alert.incident_id is None) == (priority == "P3")


def test_only_its_label_puts_it_on_the_safety_list() -> None:
    decide = operator()
    post(decide, posted({"alertname": "Killed", "severity": "info", "priority": "P3", "safety": "true"}))
    (alert,) = decide.alerts()
    assert (alert.safety, alert.priority, alert.page_key) == (True, "P0", alert.id)
    assert decide.incidents()[0].page_keys == [alert.id]


@pytest.mark.parametrize(
    ("labels", "entity"),
    [
        ({"node": "h1", "cluster": "c1"}, "node:c1/h1"),
        ({"instance": "h1:9100"}, "node:h1"),
        ({"instance": "h1:9100", "service": "web", "namespace": "shop"}, "service:shop/web"),
        ({"cluster": "c1"}, "cluster:c1"),
        ({}, "unknown"),
    ],
)
def test_its_labels_say_what_it_is_of(labels: dict[str, str], entity: str) -> None:
    decide = operator()
    post(decide, posted({"alertname": "A", **labels}))
    assert [one.entity for one in decide.alerts()] == [entity]


def test_it_joins_what_is_anomalous_on_its_entity_and_its_own_name_elsewhere(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly())
    post(decide, posted(starts_s=1100), posted({**FULL, "node": "h2"}, starts_s=1200), at_s=1200)
    (incident,) = decide.incidents()
    assert (incident.member_count, incident.entities) == (3, ["node:h1", "node:h2"])
    post(decide, posted({"alertname": "Other", "node": "h3"}, starts_s=1200), posted({"alertname": "X"}), at_s=1200)
    assert len(decide.incidents()) == 3


def test_without_an_end_it_ends_when_nobody_repeats_it_for_the_timeout() -> None:
    decide = operator(resolve_timeout_s=300)
    post(decide, posted(starts_s=900), at_s=1000)
    decide.on_tick(1_200_000)
    assert alerts_in(post(decide, posted(starts_s=900), at_s=1200)) == [], "a repeat says nothing new"
    decide.on_tick(1_499_000)
    assert episodes(decide) == [(900, None)]
    outputs = decide.on_tick(1_500_000)
    assert episodes(decide) == [(900, 1500)]
    (told,) = [TimelineEntry.from_bytes(one.value) for one in outputs if one.topic is TIMELINE]
    assert told.text == "DiskFull of node h1 ended: nobody repeated it"
    decide.on_tick(1_530_000)
    assert [one.state for one in decide.incidents()] == ["resolved"]


def test_an_end_that_is_past_ends_it_at_once() -> None:
    decide = operator()
    post(decide, posted(starts_s=900, ends_s=2000), at_s=1000)
    (alert,) = alerts_in(post(decide, posted(starts_s=900, ends_s=1150), at_s=1200))
    assert (alert.state, alert.ended_ms) == ("resolved", 1_150_000)
    post(decide, posted(starts_s=900, ends_s=1150), at_s=1260)
    assert episodes(decide) == [(900, 1150)]


def test_an_end_that_is_to_come_ends_it_then_unless_it_is_posted_again() -> None:
    decide = operator()
    post(decide, posted(starts_s=900, ends_s=1240), at_s=1000)
    post(decide, posted(starts_s=900, ends_s=1300), at_s=1060)
    decide.on_tick(1_299_000)
    assert episodes(decide) == [(900, None)]
    decide.on_tick(1_305_000)
    assert episodes(decide) == [(900, 1300)]
    assert decide.alerts()[0].state == "resolved"


def test_an_end_that_was_posted_holds_against_a_timeout() -> None:
    decide = operator(resolve_timeout_s=300)
    post(decide, posted(starts_s=900, ends_s=3000), at_s=1000)
    post(decide, posted(starts_s=900), at_s=1100)
    decide.on_tick(2_999_000)
    assert episodes(decide) == [(900, None)]
    decide.on_tick(3_000_000)
    assert episodes(decide) == [(900, 3000)]


def test_a_repeat_without_a_start_goes_on_with_what_fires_and_begins_anew_what_ended() -> None:
    decide = operator(resolve_timeout_s=300)
    for at_s in (1000, 1200, 1400):
        post(decide, posted(), at_s=at_s)
    assert episodes(decide) == [(1000, None)]
    decide.on_tick(1_700_000)
    post(decide, posted(), at_s=1800)
    assert episodes(decide) == [(1000, 1700), (1800, None)]


def test_a_later_start_is_another_episode_once_the_first_ended_and_the_same_start_is_the_same() -> None:
    decide = operator()
    post(decide, posted(starts_s=900), at_s=1000)
    post(decide, posted(starts_s=950), at_s=1010)
    assert episodes(decide) == [(900, None)]
    post(decide, posted(starts_s=900, ends_s=1100), at_s=1100)
    post(decide, posted(starts_s=1200), at_s=1200)
    assert episodes(decide) == [(900, 1100), (1200, None)]
    post(decide, posted(starts_s=900, ends_s=1100), at_s=1210)
    assert episodes(decide) == [(900, 1100), (1200, None)]


def test_one_that_timed_out_fires_again_when_it_is_posted_with_its_old_start() -> None:
    decide = operator(resolve_timeout_s=300)
    post(decide, posted(starts_s=900), at_s=1000)
    decide.on_tick(1_350_000)
    assert [one.state for one in decide.incidents()] == ["resolved"]
    post(decide, posted(starts_s=900), at_s=1400)
    assert episodes(decide) == [(900, None)]
    assert [one.state for one in decide.incidents()] == ["open"]
    decide.on_tick(1_700_000)
    assert episodes(decide) == [(900, 1700)]


def test_the_end_of_what_is_not_known_to_have_begun_wakes_nobody() -> None:
    decide = operator()
    outputs = post(decide, posted(starts_s=900, ends_s=950), at_s=1000)
    assert [one.topic for one in outputs] == [COMMAND_RESULTS]
    assert result_in(outputs).ok
    assert (decide.alerts(), decide.incidents()) == ([], [])


def test_what_comes_later_in_the_log_is_newer_whatever_clock_stamped_it() -> None:
    decide = operator()
    post(decide, posted(starts_s=900), at_s=1100)
    post(decide, posted(starts_s=900, ends_s=1000), at_s=1050)
    assert episodes(decide) == [(900, 1000)]


def test_new_annotations_are_told_and_the_newest_hold() -> None:
    decide = operator()
    post(decide, posted(annotations={"summary": "90 %"}), at_s=1000)
    (alert,) = alerts_in(post(decide, posted(annotations={"summary": "95 %"}), at_s=1060))
    assert (alert.annotations["summary"], alert.updated_ms) == ("95 %", 1_060_000)
    assert decide.incidents()[0].members[0].summary == "95 %"


def test_what_cannot_be_taken_is_named_and_the_rest_is_taken() -> None:
    decide = operator()
    outputs = post(
        decide,
        posted({"team": ""}),
        posted(),
        posted(starts_s=1000, ends_s=999),
        posted(annotations={"text": "x" * MOST_BYTES}),
    )
    result = result_in(outputs)
    assert not result.ok
    assert result.reason.split("; ") == [
        "3 of 4 were refused, mend and post them again: alert 0: it has no label with a value",
        "alert 2: it ends before it starts",
        "alert 3: it is larger than 65536 bytes",
    ]
    assert len(decide.alerts()) == 1


def test_what_ended_is_forgotten_by_the_ticks_alone() -> None:
    decide = operator(retention_s=3600)
    post(decide, posted(ends_s=1100), at_s=1000)
    decide.on_tick(1_100_000)
    decide.on_tick(1_100_000 + 3_599_000)
    assert len(decide.alerts()) == 1
    decide.on_tick(1_100_000 + 3_600_000)
    assert (decide.alerts(), decide.incidents()) == ([], [])
    decide.take_blocks()


def test_a_thousand_repeats_leave_no_trace_behind() -> None:
    decide = operator()
    for number in range(1000):
        post(decide, posted(starts_s=900), at_s=1000 + number)
        decide.on_tick(1_000_000 + number * 1000)
    assert len([key for key, _ in decide.take_blocks() if key.startswith("alert/")]) == 1
    decide.on_tick(2_299_000)
    assert episodes(decide) == [(900, 2299)]


POSTS = st.lists(
    st.one_of(
        st.builds(
            dict,
            at=st.integers(0, 60),
            node=st.sampled_from(["h1", "h2"]),
            start=st.one_of(st.none(), st.integers(0, 40)),
            length=st.one_of(st.none(), st.integers(0, 20)),
        ),
        st.integers(1, 90),
    ),
    min_size=4,
    max_size=20,
)


@given(steps=POSTS, cut=st.integers(0, 20))
@settings(max_examples=150, deadline=None)
def test_a_restart_at_any_moment_changes_nothing(steps: list[dict[str, Any] | int], cut: int) -> None:
    straight, restarted = operator(), operator()
    for position, step in enumerate([*steps, 125]):
        if position == cut:
            restarted = again(restarted)
        for one in (straight, restarted):
            take(one, position, step)
    assert again(straight).alerts() == restarted.alerts()
    assert straight.incidents() == restarted.incidents()
    for node in ("h1", "h2"):
        of_node = [one for one in straight.alerts() if one.labels["node"] == node]
        for one, other in itertools.pairwise(of_node):
            assert one.ended_ms is not None
            assert one.ended_ms < other.started_ms, "episodes of one alert do not overlap"


def take(decide: DecideOperator, number: int, step: dict[str, Any] | int) -> None:
    if isinstance(step, int):
        decide.on_tick(1_000_000 + step * 20_000)
        return
    fields = {} if step["start"] is None else {"starts_s": 1000 + 20 * step["start"]}
    if step["length"] is not None:
        fields["ends_s"] = fields.get("starts_s", 1000) + 20 * step["length"]
    body = {"kind": "post_alerts", "alerts": [posted({**FULL, "node": step["node"]}, **fields)]}
    at_ms = 1_000_000 + step["at"] * 20_000
    decide.on_command(Command.model_validate({"id": str(number), "tenant": "default", "at_ms": at_ms, "body": body}))


def again(decide: DecideOperator) -> DecideOperator:
    twin = operator()
    for key, value in decide.take_blocks():
        if value is not None:
            twin.load_block(key, value)
    twin.finish_load()
    return twin
