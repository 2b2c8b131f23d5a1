"""A series that sends nothing any more is not well again: its alert goes on until samples come, or it expires."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from incidents.decide import DecideOperator, DecideSettings
from schemas.events import Anomaly
from schemas.incident_events import TimelineEntry
from schemas.topics import TIMELINE
from streams.operator import Output

Make = Callable[..., Anomaly]


def told(*events: Anomaly | int, **settings: Any) -> DecideOperator:
    decide = DecideOperator(DecideSettings(**settings), 0, 1)
    for one in events:
        decide.on_tick(one * 1000) if isinstance(one, int) else decide.on_anomaly(one)
    return decide


def silent(anomaly: Make, at_s: float = 1200, **fields: Any) -> Anomaly:
    return anomaly(state="end", at_s=at_s, end_reason="silent", score=0.4, **fields)


def missing(anomaly: Make, state: str, at_s: float, **fields: Any) -> Anomaly:
    return anomaly(start_s=1200, kind="missing", detector="missing", state=state, at_s=at_s, priority="P3", **fields)


def states(decide: DecideOperator) -> dict[str, tuple[str, int | None]]:
    return {f"{one.labels['alertname']} {one.started_ms // 1000}": (one.state, one.ended_ms) for one in decide.alerts()}


def entries_in(outputs: Sequence[Output]) -> list[TimelineEntry]:
    return [TimelineEntry.from_bytes(one.value) for one in outputs if one.topic is TIMELINE]


def test_silence_is_no_end(anomaly: Make) -> None:
    decide = told(anomaly())
    (entry,) = entries_in(decide.on_anomaly(silent(anomaly)))
    assert entry.kind == "note"
    assert entry.text.startswith("node_cpu_ratio of node h1 sends nothing any more: that is no end, it stays as it was")
    decide.on_tick(1_300_000)
    (alert,) = decide.alerts()
    assert (alert.state, alert.ended_ms) == ("firing", None)
    assert alert.annotations["no_data"] == "no sample comes any more: whether it goes on is not known"
    (incident,) = decide.incidents()
    assert (incident.state, incident.firing_count, incident.ended_ms) == ("open", 1, None)


def test_it_expires_after_the_hold_and_is_never_called_recovered(anomaly: Make) -> None:
    decide = told(anomaly(), 1_001, silent(anomaly), no_data_hold_s=3600, abandon_after_s=7200)
    decide.on_tick(4_600_000)
    assert decide.incidents()[0].state == "open"
    outputs = decide.on_tick(4_801_000)
    assert [(one.state, one.ended_ms) for one in decide.alerts()] == [("resolved", 4_800_000)]
    assert entries_in(outputs)[0].text == (
        "node_cpu_ratio of node h1 expired: no sample came any more, so nobody knows how it ended"
    )
    assert {"no_data", "expired"} < decide.alerts()[0].annotations.keys()


def test_another_alert_of_the_series_tells_that_samples_came_in_any_order(anomaly: Make) -> None:
    events = [anomaly(), silent(anomaly), anomaly(start_s=1500), anomaly(start_s=1900)]
    for order in itertools.permutations(events):
        decide = told(*order)
        assert states(decide) == {
            "MetricAnomaly 1000": ("resolved", 1_500_000),
            "MetricAnomaly 1500": ("firing", None),
            "MetricAnomaly 1900": ("firing", None),
        }
        assert "no_data" not in decide.alerts()[0].annotations


def test_the_end_of_the_notice_that_it_was_missing_tells_so_too_but_not_its_start(anomaly: Make) -> None:
    start, end = missing(anomaly, "start", 1300), missing(anomaly, "end", 1600, end_reason="recovered")
    for order in itertools.permutations([anomaly(), silent(anomaly), start]):
        assert states(told(*order))["MetricAnomaly 1000"] == ("firing", None)
    for order in itertools.permutations([anomaly(), silent(anomaly), start, end]):
        assert states(told(*order)) == {
            "MetricAnomaly 1000": ("resolved", 1_600_000),
            "MetricMissing 1200": ("resolved", 1_600_000),
        }


def test_a_missing_notice_that_ends_because_the_series_is_forgotten_tells_nothing(anomaly: Make) -> None:
    end = missing(anomaly, "end", 1600, end_reason="silent")
    assert states(told(anomaly(), silent(anomaly), end)) == {
        "MetricAnomaly 1000": ("firing", None),
        "MetricMissing 1200": ("resolved", 1_600_000),
    }


def test_alerts_of_other_series_tell_nothing(anomaly: Make) -> None:
    others = [anomaly("memory", start_s=1500), anomaly(node="h2", start_s=1500), anomaly(start_s=1500, tenant="b")]
    decide = told(anomaly(), silent(anomaly), *others)
    assert [one.state for one in decide.alerts()] == ["firing"] * 4


def test_what_began_with_the_last_sample_does_not_tell_that_more_came(anomaly: Make) -> None:
    rule = anomaly(start_s=1200, kind="limit", detector="Hot")
    assert states(told(anomaly(), rule, silent(anomaly)))["MetricAnomaly 1000"] == ("firing", None)


def test_an_end_that_is_told_later_holds(anomaly: Make) -> None:
    recovered = anomaly(state="end", at_s=1600, end_reason="recovered")
    for order in itertools.permutations([anomaly(), silent(anomaly), recovered]):
        assert states(told(*order)) == {"MetricAnomaly 1000": ("resolved", 1_600_000)}


def test_a_restart_keeps_what_is_known_of_silence(anomaly: Make) -> None:
    decide = told(
        anomaly(), silent(anomaly), anomaly("memory", start_s=1100), silent(anomaly, metric="memory", start_s=1100)
    )
    decide.on_anomaly(anomaly(start_s=1500))
    twin = told()
    for key, value in decide.take_blocks():
        if value is not None:
            twin.load_block(key, value)
    twin.finish_load()
    assert twin.alerts() == decide.alerts()
    for one in (decide, twin):
        one.on_anomaly(anomaly("memory", start_s=1600))
    assert twin.alerts() == decide.alerts()
    assert states(twin)["MetricAnomaly 1100"] == ("resolved", 1_600_000)
