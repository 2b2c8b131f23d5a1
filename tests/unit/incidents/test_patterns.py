"""One signal on many nodes of a cluster: one alert that names the cluster, and what becomes of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from incidents.decide import DecideOperator, DecideSettings
from schemas.command_events import Command
from schemas.errors import SchemaError
from schemas.events import Anomaly, EntityHealth
from schemas.ids import alert_fingerprint, series_id
from schemas.incident_events import Alert
from schemas.topics import ALERTS, HEALTH
from streams.operator import Output

Make = Callable[..., Anomaly]


def on(anomaly: Make, node: str, start_s: float = 1000, cluster: str = "c1", **fields: Any) -> Anomaly:
    labels = {"node": node, **({"cluster": cluster} if cluster else {})}
    entity = f"node:{cluster}/{node}" if cluster else f"node:{node}"
    series = f"{series_id('default', 'node_cpu_ratio', labels):016x}"
    body = {"labels": labels, "dims": labels, "entity": entity, "series_id": series, "id": series, **fields}
    return anomaly(node=node, start_s=start_s, **body)


def health(node: str, cluster: str = "c1", state: str = "healthy", at_s: float = 900) -> EntityHealth:
    return EntityHealth(tenant="default", entity=f"node:{cluster}/{node}", state=state, at_ms=round(at_s * 1000))


def told(*events: Anomaly | EntityHealth | int, **settings: Any) -> DecideOperator:
    decide = DecideOperator(DecideSettings(**settings), 0, 1)
    for one in events:
        match one:
            case Anomaly():
                decide.on_anomaly(one)
            case EntityHealth():
                decide.step(HEALTH.name, one.to_bytes())
            case _:
                decide.on_tick(one * 1000)
    return decide


def patterns(alerts: Sequence[Alert]) -> list[Alert]:
    return [one for one in alerts if one.labels["alertname"] == "ClusterPattern"]


def alerts_in(outputs: Sequence[Output]) -> list[Alert]:
    return [Alert.from_bytes(one.value) for one in outputs if one.topic is ALERTS]


def three(anomaly: Make) -> list[Anomaly]:
    return [on(anomaly, "h1", 1000), on(anomaly, "h2", 1100), on(anomaly, "h3", 1250)]


def test_three_nodes_make_one_alert_of_their_cluster_with_the_next_tick(anomaly: Make) -> None:
    decide = told(*three(anomaly))
    outputs = decide.on_tick(1_260_000)
    (found,) = patterns(alerts_in(outputs))
    (incident,) = decide.incidents()
    assert found.labels == {"alertname": "ClusterPattern", "metric": "node_cpu_ratio", "cluster": "c1"}
    assert found.id == f"{alert_fingerprint(found.labels)}-1250000"
    assert (found.entity, found.state, found.started_ms) == ("cluster:c1", "firing", 1_250_000)
    assert found.annotations == {
        "summary": "node_cpu_ratio anomalous on 3 of 3 nodes of cluster c1",
        "nodes": "node c1/h1, node c1/h2 and node c1/h3",
    }
    assert (found.incident_id, found.page_key, found.priority) == (incident.id, incident.id, "P2")
    assert [one.role for one in alerts_in(outputs) if one.signal == "node_cpu_ratio"].count("cause") == 3
    assert {one.role for one in incident.members} == {"cause"}
    assert decide.on_tick(1_270_000) == []


@pytest.mark.parametrize(
    ("what", "nodes", "known", "found"),
    [
        ("two are not enough", 2, 2, 0),
        ("three of fifteen are a fifth", 3, 15, 1),
        ("three of sixteen are less", 3, 16, 0),
        ("four of sixteen are enough", 4, 16, 1),
    ],
)
def test_it_takes_three_nodes_and_a_fifth_of_the_cluster(
    what: str, nodes: int, known: int, found: int, anomaly: Make
) -> None:
    healths = [health(f"h{number}") for number in range(known)]
    others = [health(f"x{number}", cluster="c2") for number in range(50)]
    decide = told(*healths, *others, *(on(anomaly, f"h{number}") for number in range(nodes)), 2000)
    assert len(patterns(decide.alerts())) == found, what


def test_nodes_that_begin_too_far_apart_make_none(anomaly: Make) -> None:
    for last_s, found in ((1600, 1), (1601, 0)):
        events = [on(anomaly, "h1", 1000), on(anomaly, "h2", 1300), on(anomaly, "h3", last_s)]
        decide = told(*events, 2000, signal_window_s=900)
        assert len(patterns(decide.alerts())) == found


def test_nodes_of_no_cluster_are_one_crowd(anomaly: Make) -> None:
    decide = told(*(on(anomaly, f"h{number}", cluster="") for number in range(3)), 2000)
    (found,) = patterns(decide.alerts())
    assert (found.entity, "cluster" in found.labels) == ("unknown", False)
    assert found.annotations["summary"] == "node_cpu_ratio anomalous on 3 of 3 nodes"


def test_it_ends_when_fewer_nodes_remain_and_goes_on_when_they_come_back(anomaly: Make) -> None:
    ends = [on(anomaly, "h1", 1000, state="end", at_s=1400), on(anomaly, "h2", 1100, state="end", at_s=1300)]
    decide = told(*three(anomaly), on(anomaly, "h4", 1260), 1270, ends[0], 1410)
    (found,) = patterns(decide.alerts())
    assert (found.state, found.annotations["summary"]) == (
        "firing",
        "node_cpu_ratio anomalous on 4 of 4 nodes of cluster c1",
    )
    decide.on_anomaly(ends[1])
    (over,) = patterns(alerts_in(decide.on_tick(1_420_000)))
    assert (over.id, over.state, over.ended_ms) == (found.id, "resolved", 1_400_000)
    decide.on_anomaly(on(anomaly, "h1", 1500))
    (again,) = patterns(alerts_in(decide.on_tick(1_520_000)))
    assert (again.id, again.state) == (found.id, "firing")


def test_any_order_makes_the_same_pattern(anomaly: Make) -> None:
    events = [
        *three(anomaly),
        on(anomaly, "h4", 1200),
        on(anomaly, "h2", 1100, state="end", at_s=1300),
        on(anomaly, "h5", 1700),
        health("h9"),
        health("h3", state="gone"),
    ]
    facts = set()
    for seed in range(20):
        shuffled = list(events)
        random.Random(seed).shuffle(shuffled)
        (found,) = patterns(told(*shuffled[:4], 1800, *shuffled[4:], 1900).alerts())
        facts.add(found.model_copy(update={"id": "", "incident_id": "", "page_key": ""}).to_bytes())
    assert len(facts) == 1


def test_a_pattern_is_over_once_more_nodes_are_known_and_its_children_are_no_causes(anomaly: Make) -> None:
    decide = told(*three(anomaly), 1300, *(health(f"x{number}") for number in range(20)))
    outputs = decide.on_tick(1_310_000)
    (over,) = patterns(alerts_in(outputs))
    assert (over.state, over.ended_ms) == ("resolved", 1_310_000)
    assert patterns(decide.alerts()) == []
    assert {one.role for one in decide.alerts()} == {None}
    decide.step(HEALTH.name, health("x0", state="gone", at_s=1320).to_bytes())
    assert {one.role for one in decide.alerts()} == {None}


def test_a_node_that_is_gone_counts_no_more(anomaly: Make) -> None:
    decide = told(*(health(f"x{number}") for number in range(16)), *three(anomaly), 1300)
    assert patterns(decide.alerts()) == []
    for number in range(8):
        decide.step(HEALTH.name, health(f"x{number}", state="gone", at_s=1310).to_bytes())
    (found,) = patterns(alerts_in(decide.on_tick(1_320_000)))
    assert found.annotations["summary"] == "node_cpu_ratio anomalous on 3 of 11 nodes of cluster c1"


def test_what_is_on_the_safety_list_is_counted_but_is_no_cause(anomaly: Make) -> None:
    killed = {"kind": "limit", "detector": "Killed", "safety": True, "priority": "P0"}
    decide = told(*(on(anomaly, f"h{number}", **killed) for number in range(3)), 2000)
    (found,) = patterns(decide.alerts())
    assert found.priority == "P0"
    assert {one.role for one in decide.alerts()} == {None}


def test_of_two_patterns_that_a_person_merges_one_goes_on_and_the_other_is_over(anomaly: Make) -> None:
    late = [on(anomaly, f"h{number}", 5000) for number in range(3)]
    decide = told(*three(anomaly), 1300, *late, 5010)
    first, second = patterns(decide.alerts())
    old, young = (one.id for one in decide.incidents())
    body = {"kind": "merge_incidents", "incident_id": old, "other_id": young}
    decide.on_command(Command.model_validate({"id": "m", "tenant": "default", "at_ms": 5_020_000, "body": body}))
    states = {one.id: one.state for one in patterns(alerts_in(decide.on_tick(5_030_000)))}
    assert states == {first.id: "firing", second.id: "resolved"}
    assert [one.id for one in patterns(decide.alerts())] == [first.id]


def test_a_restart_keeps_patterns_and_nodes(anomaly: Make) -> None:
    decide = told(health("x1"), health("x2", state="gone"), *three(anomaly)[:2], 1200, three(anomaly)[2])
    twin, first = restored(decide), decide.on_tick(1_300_000)
    assert twin.on_tick(1_300_000) == first
    for one in (decide, twin):
        one.on_anomaly(on(anomaly, "h7", 1290))
        one.on_tick(1_310_000)
        assert one.alerts() == decide.alerts()
        (found,) = patterns(one.alerts())
        assert found.annotations["summary"] == "node_cpu_ratio anomalous on 4 of 5 nodes of cluster c1"


def restored(decide: DecideOperator) -> DecideOperator:
    twin = told()
    for key, value in decide.take_blocks():
        if value is not None:
            twin.load_block(key, value)
    twin.finish_load()
    return twin


def test_nodes_that_nobody_tells_of_for_two_days_are_forgotten(anomaly: Make) -> None:
    day_s = 86_400
    decide = told(*(health(f"x{number}") for number in range(20)), *three(anomaly), 1300)
    decide.take_blocks()
    late = [on(anomaly, f"h{number}", 900 + 2 * day_s + 200) for number in range(3)]
    for one in late:
        decide.on_anomaly(one)
    decide.on_tick((900 + 2 * day_s + 300) * 1000)
    gone = {key for key, value in decide.take_blocks() if value is None}
    assert {f"node/7/default/node:c1/x{number}" for number in range(20)} <= gone


def test_health_that_cannot_be_read_leaves_the_state_alone() -> None:
    decide = told()
    with pytest.raises(SchemaError):
        decide.step(HEALTH.name, b"{")
    assert decide.take_blocks() == []
