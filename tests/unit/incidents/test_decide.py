"""The life of incidents: opened, merged, paged, resolved, reopened, forgotten; and how tenants find their partition."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from incidents.decide import DecideOperator, DecideSettings
from schemas.errors import CheckpointError, SchemaError
from schemas.events import Anomaly, Setting, Tick
from schemas.ids import decide_partition
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.topics import ALERTS, ANOMALIES, AUDIT, CHANGES, DECIDE_TICKS, INCIDENTS, SETTINGS, TIMELINE
from streams.operator import Output

Make = Callable[..., Anomaly]


def operator(**settings: Any) -> DecideOperator:
    return DecideOperator(DecideSettings(**settings), 0, 1)


def incidents_in(outputs: Sequence[Output]) -> list[Incident]:
    return [Incident.from_bytes(one.value) for one in outputs if one.topic is INCIDENTS]


def entries_in(outputs: Sequence[Output]) -> list[TimelineEntry]:
    return [TimelineEntry.from_bytes(one.value) for one in outputs if one.topic is TIMELINE]


def rule(anomaly: Make, name: str, priority: str, *, safety: bool = False, **fields: Any) -> Anomaly:
    return anomaly(kind="limit", detector=name, priority=priority, safety=safety, **fields)


def test_an_anomaly_makes_an_alert_an_incident_and_an_entry_at_once(anomaly: Make) -> None:
    outputs = operator().on_anomaly(anomaly())
    assert [one.topic for one in outputs] == [TIMELINE, AUDIT, ALERTS, INCIDENTS]
    alert = Alert.from_bytes(outputs[2].value)
    (incident,) = incidents_in(outputs)
    assert alert.incident_id == incident.id
    assert (incident.title, incident.state, incident.revision) == ("CPU of node h1 anomalous", "open", 1)
    assert outputs[2].key == f"default/{alert.fingerprint}"
    assert outputs[3].key == f"default/{incident.id}"
    assert {one.partition for one in outputs} == {0}


def test_a_drift_notice_stays_an_alert(anomaly: Make) -> None:
    decide = operator()
    outputs = decide.on_anomaly(anomaly(kind="drift", detector="page_hinkley", priority="P3"))
    assert [one.topic for one in outputs] == [ALERTS]
    decide.on_anomaly(anomaly("node_memory_ratio"))
    assert [one.member_count for one in decide.incidents()] == [1]


@pytest.mark.parametrize(
    ("what", "other", "joined"),
    [
        ("one entity, the window's end", {"metric": "memory", "start_s": 1900}, True),
        ("one entity, past the window", {"metric": "memory", "start_s": 1900.001}, False),
        ("one signal, the window's end", {"node": "h2", "start_s": 1300}, True),
        ("one signal, past the window", {"node": "h2", "start_s": 1300.001}, False),
        ("another entity and another signal", {"node": "h2", "metric": "memory"}, False),
        ("another tenant", {"tenant": "other"}, False),
    ],
)
def test_alerts_belong_together_by_entity_or_signal_within_a_window(
    what: str, other: dict[str, Any], joined: bool, anomaly: Make
) -> None:
    for order in itertools.permutations([anomaly(), anomaly(**other)]):
        decide = operator()
        for one in order:
            decide.on_anomaly(one)
        assert len(decide.incidents()) == (1 if joined else 2), what


def test_what_names_no_entity_is_related_to_its_own_series_alone(anomaly: Make) -> None:
    decide = operator()
    for one in (anomaly(node=""), anomaly("memory", node=""), anomaly(node="", start_s=1800)):
        decide.on_anomaly(one)
    assert sorted(one.member_count for one in decide.incidents()) == [1, 2]


def test_later_evidence_merges_and_the_older_incident_survives(anomaly: Make) -> None:
    decide = operator()
    (young,) = incidents_in(decide.on_anomaly(anomaly("memory", "h2", 1100)))
    (old,) = incidents_in(decide.on_anomaly(anomaly("cpu", "h1", 1000)))
    outputs = decide.on_anomaly(anomaly("cpu", "h2", 1200))
    gone, survivor = incidents_in(outputs)
    assert (gone.id, gone.state, gone.merged_into, gone.revision) == (young.id, "merged", old.id, 2)
    assert (survivor.id, survivor.aliases, survivor.member_count) == (old.id, [young.id], 3)
    merged = [(one.incident_id, one.kind) for one in entries_in(outputs) if one.kind == "merged"]
    assert merged == [(young.id, "merged"), (old.id, "merged")]
    assert {one.incident_id for one in decide.alerts()} == {old.id}


def test_of_incidents_that_began_together_the_smaller_id_survives(anomaly: Make) -> None:
    decide = operator()
    first = incidents_in(decide.on_anomaly(anomaly("cpu", "h1")) + decide.on_anomaly(anomaly("memory", "h2")))
    decide.on_anomaly(anomaly("cpu", "h2"))
    assert [one.id for one in decide.incidents()] == [min(one.id for one in first)]


def test_an_incident_resolves_when_it_was_quiet_for_long_enough_by_tick(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly())
    decide.on_anomaly(anomaly(state="end", at_s=1060))
    assert decide.next_due_ms == 1_090_000
    assert incidents_in(decide.on_tick(1_089_000)) == []
    outputs = decide.on_tick(1_090_000)
    (incident,) = incidents_in(outputs)
    assert (incident.state, incident.ended_ms, incident.resolved_ms) == ("resolved", 1_060_000, 1_090_000)
    assert [one.kind for one in entries_in(outputs)] == ["resolved"]
    assert decide.on_tick(1_095_000) == []


def test_a_new_linked_alert_reopens_it_under_its_id(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly())
    decide.on_anomaly(anomaly(state="end", at_s=1060))
    (resolved,) = incidents_in(decide.on_tick(1_100_000))
    outputs = decide.on_anomaly(anomaly(start_s=1200))
    (reopened,) = incidents_in(outputs)
    assert (reopened.id, reopened.state, reopened.resolved_ms) == (resolved.id, "open", None)
    assert [one.kind for one in entries_in(outputs)] == ["alert_joined", "reopened"]


def test_anomalies_advance_no_time(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly(state="end", at_s=1060))
    decide.on_anomaly(anomaly("memory", "h9", 90_000))
    assert [one.state for one in decide.incidents()] == ["open", "open"]


def test_a_big_incident_tells_who_joins_with_the_next_tick_and_urgent_news_at_once(anomaly: Make) -> None:
    decide = operator(publish_at_once_members=2, members_listed=3)
    published = [len(incidents_in(decide.on_anomaly(anomaly(node=f"h{n}")))) for n in range(5)]
    assert published == [1, 1, 0, 0, 0]
    (incident,) = incidents_in(decide.on_tick(1_001_000))
    assert (incident.member_count, len(incident.members), incident.entity_count) == (5, 3, 5)
    assert incident.title == "node_cpu_ratio anomalous on 5 nodes"
    assert incidents_in(decide.on_tick(1_002_000)) == []
    (urgent,) = incidents_in(decide.on_anomaly(rule(anomaly, "HighLatency", "P1", node="h1")))
    assert urgent.priority == "P1"
    assert urgent.members[0].labels["alertname"] == "HighLatency"


def test_the_first_page_takes_the_incidents_id_and_the_safety_list_pages_inside_it(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly())
    assert decide.incidents()[0].page_keys == []
    (paged,) = incidents_in(decide.on_anomaly(rule(anomaly, "HighLatency", "P1")))
    assert paged.page_keys == [paged.id]
    decide.on_anomaly(rule(anomaly, "ManyErrors", "P0"))
    assert decide.incidents()[0].page_keys == [paged.id]
    killed = rule(anomaly, "OutOfMemoryKill", "P0", safety=True)
    (again,) = incidents_in(decide.on_anomaly(killed))
    (own,) = [one.id for one in decide.alerts() if one.safety]
    assert again.page_keys == [paged.id, own]
    decide.on_anomaly(killed.model_copy(update={"state": "update", "at_ms": killed.at_ms + 1000}))
    assert decide.incidents()[0].page_keys == [paged.id, own]


def test_the_safety_list_pages_under_its_own_key_whoever_came_first(anomaly: Make) -> None:
    arrivals = [
        rule(anomaly, "HighLatency", "P1"),
        rule(anomaly, "OutOfMemoryKill", "P0", safety=True),
        rule(anomaly, "DiskFull", "P0", safety=True, metric="disk"),
    ]
    keys = []
    for order in itertools.permutations(arrivals):
        decide = operator()
        for one in order:
            decide.on_anomaly(one)
        (incident,) = decide.incidents()
        safety = {one.id for one in decide.alerts() if one.safety}
        assert safety < set(incident.page_keys)
        keys.append(len(incident.page_keys))
    assert keys == [3] * 6


def test_a_merge_keeps_all_page_keys_and_opens_none(anomaly: Make) -> None:
    decide = operator()
    (one,) = incidents_in(decide.on_anomaly(rule(anomaly, "A", "P1", metric="cpu", node="h1", start_s=1000)))
    (other,) = incidents_in(decide.on_anomaly(rule(anomaly, "B", "P0", metric="memory", node="h2", start_s=1100)))
    decide.on_anomaly(anomaly("cpu", "h2", 1150))
    assert decide.incidents()[0].page_keys == [one.id, other.id]
    decide.on_anomaly(rule(anomaly, "C", "P1", metric="disk", node="h2", start_s=1160))
    assert decide.incidents()[0].page_keys == [one.id, other.id]


def test_an_unpaged_survivor_holds_the_key_of_a_paged_incident(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly("cpu", "h1", 1000))
    (young,) = incidents_in(decide.on_anomaly(rule(anomaly, "B", "P1", metric="memory", node="h2", start_s=1100)))
    decide.on_anomaly(anomaly("cpu", "h2", 1150))
    (survivor,) = decide.incidents()
    assert survivor.id != young.id
    assert survivor.page_keys == [young.id]


def test_a_setting_replaces_the_windows_from_its_time_on(anomaly: Make) -> None:
    decide = operator()
    body = Setting(subject="correlation", valid_from_ms=5_000_000, body={"entity_window_s": 10, "resolve_after_s": 0})
    decide.step(SETTINGS.name, body.to_bytes())
    for start_s in (1000, 1800, 6000, 6800):
        decide.on_anomaly(anomaly(start_s=start_s))
        decide.on_anomaly(anomaly(start_s=start_s, state="end", at_s=start_s + 5))
    assert [one.member_count for one in decide.incidents()] == [2, 1, 1]
    decide.on_tick(6_005_000)
    assert [one.state for one in decide.incidents()] == ["resolved", "resolved", "open"]
    assert decide.incidents()[1].resolved_ms == 6_005_000


def test_a_setting_that_comes_late_links_what_it_brings_into_reach(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly(start_s=1000))
    decide.on_anomaly(anomaly(start_s=3000))
    outputs = decide.on_setting(Setting(subject="correlation", valid_from_ms=0, body={"entity_window_s": 2000}))
    assert [one.state for one in incidents_in(outputs)] == ["merged", "open"]
    assert len(decide.incidents()) == 1


def test_where_windows_change_a_neighbour_does_not_hide_one_in_reach(anomaly: Make) -> None:
    decide = operator(entity_window_s=10, signal_window_s=10)
    decide.on_setting(Setting(subject="correlation", valid_from_ms=2_000_000, body={"entity_window_s": 500}))
    for start_s in (1600, 1900, 2050):
        decide.on_anomaly(anomaly(start_s=start_s))
    assert [one.member_count for one in decide.incidents()] == [3]


def test_a_setting_that_cannot_hold_is_refused_and_others_are_ignored() -> None:
    decide = operator()
    assert decide.on_setting(Setting(subject="threshold_rules", valid_from_ms=0, body={"rules": []})) == []
    for body in ({"entity_window_s": -1}, {"entity_windows_s": 10}):
        with pytest.raises(SchemaError, match="entity_window"):
            decide.on_setting(Setting(subject="correlation", valid_from_ms=0, body=body))
    assert decide.take_blocks() == []


def test_a_tenant_of_another_partition_is_sent_there_once(anomaly: Make) -> None:
    right = decide_partition("default", 8)
    wrong = DecideOperator(DecideSettings(), (right + 1) % 8, 8)
    (sent,) = wrong.step(ANOMALIES.name, anomaly().to_bytes())
    assert (sent.topic, sent.partition, sent.event_ms) == (ANOMALIES, right, 1_000_000)
    assert wrong.alerts() == []
    home = DecideOperator(DecideSettings(), right, 8)
    assert len(incidents_in(home.step(ANOMALIES.name, sent.value))) == 1
    assert home.on_anomaly(anomaly()) == []
    with pytest.raises(SchemaError, match="misplaced still"):
        wrong.step(ANOMALIES.name, sent.value)


@pytest.mark.parametrize("topic", [ANOMALIES.name, CHANGES.name, SETTINGS.name, DECIDE_TICKS.name])
@pytest.mark.parametrize("value", [None, b"", b"{", b'{"v": 1}', b"[]"])
def test_what_cannot_be_read_leaves_the_state_alone(topic: str, value: bytes | None) -> None:
    decide = operator()
    with pytest.raises(SchemaError):
        decide.step(topic, value)
    assert decide.take_blocks() == []


def test_a_restored_stage_goes_on_as_if_nothing_had_happened(anomaly: Make) -> None:
    decide = operator(publish_at_once_members=0)
    decide.on_setting(Setting(subject="correlation", valid_from_ms=5, body={"resolve_after_s": 60}))
    decide.on_anomaly(anomaly("memory", "h2", 1100))
    decide.on_anomaly(anomaly())
    decide.on_anomaly(anomaly(node="h2", start_s=1150))
    decide.on_anomaly(anomaly(state="update", at_s=1160, score=7.0))
    decide.on_tick(1_001_000)
    decide.on_anomaly(anomaly("load", start_s=1170))
    twin = operator(publish_at_once_members=0)
    for key, value in decide.take_blocks():
        if value is not None:
            twin.load_block(key, value)
    twin.finish_load()
    assert twin.incidents() == decide.incidents()
    for step in (
        lambda one: one.on_tick(1_200_000),
        lambda one: one.on_anomaly(anomaly("memory", "h2", 1100, state="end", at_s=1300)),
        lambda one: one.on_anomaly(anomaly(state="end", at_s=1300)),
        lambda one: one.on_tick(1_500_000),
    ):
        assert step(twin) == step(decide)
    assert dict(twin.take_blocks()).keys() <= dict(decide.take_blocks()).keys() | {"clock"}


def test_a_block_of_an_unknown_kind_or_version_is_refused() -> None:
    with pytest.raises(CheckpointError, match="unknown version"):
        operator().load_block("clock", b"\x81\xa1v\x63")
    with pytest.raises(CheckpointError, match="cannot be read"):
        operator().load_block("clock", b"\xc1")
    with pytest.raises(CheckpointError, match="named"):
        operator().load_block("weather", b"\x81\xa1v\x01")


def test_retention_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(ValidationError, match="retention_s"):
        DecideSettings(retention_s=60)


def test_equal_outputs_have_equal_ids_and_others_have_others(anomaly: Make) -> None:
    first, second = operator().on_anomaly(anomaly()), operator().on_anomaly(anomaly())
    assert first == second
    assert len({one.id for one in first}) == len(first)
    other = operator().on_anomaly(anomaly(observed=0.94))
    assert {one.id for one in other}.isdisjoint(one.id for one in first)


def test_ticks_travel_as_records(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly(state="end", at_s=1060))
    tick = Tick(stage="decide", partition=0, at_ms=1_090_000)
    assert [one.state for one in incidents_in(decide.step(DECIDE_TICKS.name, tick.to_bytes()))] == ["resolved"]
    assert json.loads(tick.to_bytes())["stage"] == "decide"


def test_an_alert_whose_rule_grew_more_urgent_is_listed_first(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly("memory", start_s=900))
    decide.on_anomaly(rule(anomaly, "DiskFull", "P2", metric="disk"))
    raised = rule(anomaly, "DiskFull", "P0", metric="disk", state="update", at_s=1010)
    (incident,) = incidents_in(decide.on_anomaly(raised))
    assert [one.priority for one in incident.members] == ["P0", "P2"]
    assert (incident.priority, incident.page_keys) == ("P0", [incident.id])
    assert incident.title == "DiskFull on node h1, memory anomalous"


def test_a_notice_that_grows_urgent_opens_an_incident(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(rule(anomaly, "DiskFull", "P3"))
    assert decide.incidents() == []
    outputs = decide.on_anomaly(rule(anomaly, "DiskFull", "P1", state="update", at_s=1010))
    (incident,) = incidents_in(outputs)
    assert [one.id for one in decide.alerts() if one.incident_id == incident.id] == [incident.members[0].alert_id]


def test_a_small_survivor_takes_over_a_large_incident(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly("memory", "h9", 700))
    for node in ("h1", "h2", "h3"):
        decide.on_anomaly(anomaly("cpu", node, 1000))
    decide.on_anomaly(anomaly("cpu", "h9", 1100))
    (incident,) = decide.incidents()
    assert (incident.started_ms, incident.member_count, incident.entity_count) == (700_000, 5, 4)
    assert [one.started_ms for one in incident.members] == [700_000, 1_000_000, 1_000_000, 1_000_000, 1_100_000]


@pytest.mark.parametrize("name", ["cluster", "service"])
def test_one_metric_of_two_clusters_or_services_is_no_relation(name: str, anomaly: Make) -> None:
    one = operator()
    for node, where in (("h1", "a"), ("h2", "a"), ("h3", "b")):
        labels = {"node": node, name: where}
        one.on_anomaly(anomaly(node=node, labels=labels, series_id=f"{node:0>16}", id=node))
    assert sorted(incident.entities for incident in one.incidents()) == [["node:h1", "node:h2"], ["node:h3"]]
