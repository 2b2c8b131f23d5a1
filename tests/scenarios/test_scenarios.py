"""Whole incidents, replayed without a broker: each YAML file is a story with an expected end.

``given`` holds either ``series`` (generated samples, run through detect and decide as a replay runs them) or
``anomalies`` and ``objectives`` (episodes, and alerts of objectives, run through decide); ``begin`` is its first
moment, where that matters. ``expected`` lists all incidents; each names what it must say. Every story is also told in
other orders, and with a kill after each step: its end must not change.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from incidents.decide import DecideOperator, DecideSettings
from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch
from schemas.events import Anomaly, Setting
from schemas.ids import event_id, series_id
from schemas.incident_events import Alert, Incident
from schemas.series import Series, entity_of
from schemas.slo_events import SloAlert

FOLDER = Path(__file__).parent
STORIES = sorted(FOLDER.glob("*.yaml"))
BEGIN_MS = 1_795_446_000_000

Step = Anomaly | SloAlert | Setting | int


def load(path: Path) -> dict[str, Any]:
    story: dict[str, Any] = yaml.safe_load(path.read_text())
    return story


def begin_ms(story: dict[str, Any]) -> int:
    """The story's first moment."""
    begin = story["given"].get("begin")
    return int(datetime.fromisoformat(begin).timestamp() * 1000) if begin else BEGIN_MS


def episodes(story: dict[str, Any]) -> Iterator[Anomaly]:
    """The states of the story's episodes."""
    for one in story["given"].get("anomalies", []):
        labels = one.get("labels", {})
        series = series_id(story.get("tenant", "default"), one["metric"], labels)
        start_ms = BEGIN_MS + one["start_s"] * 1000
        rule = one.get("rule")
        body = {
            "id": event_id(series, start_ms, rule),
            "tenant": story.get("tenant", "default"),
            "series_id": f"{series:016x}",
            "metric": one["metric"],
            "labels": labels,
            "dims": labels,
            "entity": entity_of(labels),
            "kind": "limit" if rule else one.get("kind", "spike"),
            "detector": rule or "windows",
            "severity": one.get("severity", "warning"),
            "priority": one.get("priority"),
            "safety": one.get("safety", False),
            "started_ms": start_ms,
            "score": 3.0,
            "peak_score": 3.0,
            "observed": one.get("observed", 0.97),
            "confidence": 0.8,
            "explanation": "as the story has it",
        }
        yield Anomaly(state="start", at_ms=start_ms, **body)
        if "end_s" in one:
            end_ms = BEGIN_MS + one["end_s"] * 1000
            yield Anomaly(state="end", at_ms=end_ms, ended_ms=end_ms, **(body | {"score": 0.4}))


def turns(story: dict[str, Any]) -> Iterator[SloAlert]:
    """The turns of the alerts of the story's objectives."""
    for one in story["given"].get("objectives", []):
        start_ms = BEGIN_MS + one["start_s"] * 1000
        body = {
            "id": event_id("slo", one["slo"], one["alert"], start_ms),
            "tenant": story.get("tenant", "default"),
            "slo": one["slo"],
            "service": one.get("service", "web-shop"),
            "alert": one["alert"],
            "kind": one.get("kind", "burn"),
            "priority": one["priority"],
            "started_ms": start_ms,
            "since_ms": BEGIN_MS + one.get("since_s", one["start_s"]) * 1000,
            "spenders": [{"who": who, "bad": 10} for who in one.get("spenders", [])],
        }
        yield SloAlert(state="start", at_ms=start_ms, burn_rate=one.get("burn_rate"), **body)
        if "end_s" in one:
            yield SloAlert(state="end", at_ms=BEGIN_MS + one["end_s"] * 1000, **body)


def samples(story: dict[str, Any]) -> SampleBatch:
    """The story's series as one batch, each a level with noise, and the faults on top."""
    chance = np.random.default_rng(story.get("seed", 1))
    span_s, step_s = story["given"]["span_s"], story["given"].get("step_s", 1)
    at_s = np.arange(0, span_s, step_s)
    series, values = [], []
    for one in story["given"]["series"]:
        for node in one.get("nodes", [None]):
            labels = one.get("labels", {}) | ({"node": node} if node else {})
            series.append(
                Series("default", one["metric"], labels, labels, one.get("type", "gauge"), one.get("unit", ""))
            )
            value = one["level"] + chance.normal(0, one.get("noise", 0.01), len(at_s))
            for fault in one.get("faults", []):
                if node in fault.get("nodes", [node]):
                    value[(at_s >= fault["from_s"]) & (at_s < fault["to_s"])] += fault["by"]
            values.append(value)
    count = len(series)
    return SampleBatch(
        "default",
        np.array([one.id for one in series], np.uint64),
        [one.text for one in series],
        np.tile(np.arange(count, dtype=np.int32), len(at_s)),
        np.repeat(begin_ms(story) + at_s * 1000, count),
        np.array(values).T.ravel(),
    )


def told_of(story: dict[str, Any]) -> list[Anomaly | SloAlert]:
    if "series" not in story["given"]:
        return [*episodes(story), *turns(story)]
    detect = DetectOperator(DetectSettings(**story.get("detect", {})), 0, 1)
    found = detect.step_batch(samples(story))
    return list(found) + detect.on_tick(begin_ms(story) + story["given"]["span_s"] * 1000)


def steps_of(story: dict[str, Any]) -> list[Step]:
    """Settings, then what is told by time with ticks among it, then the last tick."""
    settings: list[Step] = [
        Setting(subject="correlation", valid_from_ms=BEGIN_MS + one["from_s"] * 1000, body=one["body"])
        for one in story["given"].get("settings", [])
    ]
    told: list[Step] = []
    for one in sorted(told_of(story), key=lambda one: one.at_ms):
        told += [one.at_ms // 10_000 * 10_000, one]
    return [*settings, *told, begin_ms(story) + story["given"]["until_s"] * 1000]


def apply(operator: DecideOperator, step: Step) -> None:
    match step:
        case Anomaly():
            operator.on_anomaly(step)
        case SloAlert():
            operator.on_slo_alert(step)
        case Setting():
            operator.on_setting(step)
        case _:
            operator.on_tick(step)


def told_by(story: dict[str, Any], steps: Sequence[Step], *, kills: bool = False) -> DecideOperator:
    def fresh() -> DecideOperator:
        return DecideOperator(DecideSettings(**story.get("decide", {})), 0, 1)

    operator = fresh()
    blocks: dict[str, bytes | None] = {}
    for step in steps:
        apply(operator, step)
        if kills:
            blocks |= dict(operator.take_blocks())
            operator = fresh()
            for key, value in blocks.items():
                if value is not None:
                    operator.load_block(key, value)
            operator.finish_load()
    return operator


def facts(operator: DecideOperator) -> list[dict[str, Any]]:
    """What no order may change."""
    loose = {"id", "aliases", "page_keys", "revision", "updated_ms"}
    found = [one.model_dump(exclude=loose) for one in operator.incidents()]
    return sorted(found, key=lambda one: (one["started_ms"], one["members"][0]["alert_id"]))


def check(incident: Incident, alerts: Sequence[Alert], expected: dict[str, Any], begin_ms: int = BEGIN_MS) -> None:
    """Compare what the story names."""
    said: dict[str, Any] = {
        "title": incident.title,
        "state": incident.state,
        "priority": incident.priority,
        "entities": incident.entities,
        "signals": incident.signals,
        "members": incident.member_count,
        "pages": len(incident.page_keys),
        "ends": incident.ended_ms is not None,
        "roles": {one.entity: one.role for one in incident.members},
        "alerts": sorted({one.labels["alertname"] for one in alerts if one.incident_id == incident.id}),
    }
    for name, value in expected.items():
        match name:
            case "starts_s" | "ends_s":
                moment = incident.started_ms if name == "starts_s" else incident.ended_ms
                assert moment is not None
                low, high = value
                assert low <= (moment - begin_ms) / 1000 <= high, (name, (moment - begin_ms) / 1000)
            case _:
                assert said[name] == value, name


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_ends_as_expected(path: Path) -> None:
    story = load(path)
    operator = told_by(story, steps_of(story))
    found = operator.incidents()
    assert [one.title for one in found] == [one["title"] for one in story["expected"]["incidents"]]
    alerts = operator.alerts()
    for incident, expected in zip(found, story["expected"]["incidents"], strict=True):
        check(incident, alerts, expected, begin_ms(story))
    if "alerts" in story["expected"]:
        assert len(alerts) == story["expected"]["alerts"]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_ends_alike_in_any_order_and_with_a_kill_after_each_step(path: Path) -> None:
    story = load(path)
    steps = steps_of(story)
    straight = told_by(story, steps)
    killed = told_by(story, steps, kills=True)
    assert (killed.alerts(), killed.incidents()) == (straight.alerts(), straight.incidents())
    told = [one for one in steps if isinstance(one, Anomaly | SloAlert)]
    first = [one for one in steps if isinstance(one, Setting)]
    for seed in range(3):
        shuffled: list[Step] = [*told, *told[::2]]
        random.Random(seed).shuffle(shuffled)
        assert facts(told_by(story, [*first, *shuffled, steps[-1]])) == facts(straight)
