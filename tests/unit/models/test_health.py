from __future__ import annotations

import random
from typing import Any

import pytest

from models.detect import DetectOperator, DetectSettings
from models.entities.bank import Name
from models.health import AGAIN_MS, HealthBook
from schemas.batch import encode_batch
from schemas.events import Anomaly, EntityHealth, Tick
from schemas.series import Series
from schemas.topics import DETECT_TICKS, HEALTH, SAMPLES
from tests.unit.models.streams import QUICK, START_MS, Sample, batch_of, stream


def _anomaly(**fields: Any) -> Anomaly:
    given = {
        "id": "a",
        "state": "start",
        "tenant": "t",
        "series_id": "0" * 16,
        "metric": "node_cpu_ratio",
        "entity": "node:h1",
        "kind": "spike",
        "detector": "windows",
        "severity": "warning",
        "started_ms": 1000,
        "at_ms": 1000,
        "score": 2.0,
        "peak_score": 2.0,
        "observed": 0.9,
        "confidence": 0.9,
        "explanation": "CPU of node h1 is 0.9",
    }
    return Anomaly.model_validate({**given, **fields})


RULE = {"kind": "limit", "detector": "rule"}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({**RULE, "safety": True, "priority": "P0", "severity": "critical"}, "critical"),
        ({**RULE, "priority": "P1", "severity": "critical"}, "critical"),
        ({**RULE, "priority": "P1", "severity": "warning"}, "degraded"),
        ({**RULE, "priority": "P2", "severity": "warning"}, "degraded"),
        ({"kind": "trend", "priority": "P3", "severity": "info"}, "healthy"),
        ({"kind": "drift", "severity": "info"}, "healthy"),
        ({"severity": "info"}, "healthy"),
        ({"severity": "warning"}, "degraded"),
        ({"severity": "critical"}, "critical"),
        ({"severity": "warning", "metric": "orders_of_today"}, "healthy"),
        ({"severity": "critical", "metric": "orders_of_today"}, "degraded"),
        ({"kind": "multivariate", "severity": "warning"}, "degraded"),
        ({"kind": "multivariate", "severity": "info"}, "healthy"),
    ],
)
def test_what_is_anomalous_makes_the_state(fields: dict[str, Any], state: str) -> None:
    told = HealthBook().absorb(_anomaly(**fields), [])
    assert (told.state if told else "healthy") == state


def test_errors_and_latency_at_once_are_critical() -> None:
    book = HealthBook()
    book.absorb(_anomaly(id="a", metric="http_request_duration_seconds_sum"), [])
    told = book.absorb(_anomaly(id="b", metric="http_errors_total", at_ms=2000), ["traffic"])
    assert told is not None
    assert (told.state, told.since_ms, told.reason_count) == ("critical", 2000, 2)
    assert [(one.signal, one.state) for one in told.signals] == [
        ("latency", "anomalous"),
        ("traffic", "normal"),
        ("errors", "anomalous"),
    ]


def test_it_is_told_on_change_only_and_healthy_again_at_the_end() -> None:
    book = HealthBook()
    assert book.absorb(_anomaly(), []) is not None
    assert book.absorb(_anomaly(state="update", at_ms=61_000, observed=0.95), []) is None
    told = book.absorb(_anomaly(state="end", at_ms=90_000, ended_ms=80_000), [])
    assert told is not None
    assert (told.state, told.since_ms, told.reasons) == ("healthy", 90_000, [])


def test_the_worst_series_of_a_signal_stands_for_it() -> None:
    book = HealthBook()
    book.absorb(_anomaly(id="a", score=2.0), [])
    told = book.absorb(_anomaly(id="b", metric="node_load1", score=3.0, observed=17.0), [])
    assert told is not None
    assert [(one.metric, one.value, one.score) for one in told.signals] == [("node_load1", 17.0, 3.0)]


def test_any_order_of_anomalies_ends_alike() -> None:
    states = [_anomaly(id=str(at), score=1.0 + at, at_ms=1000 + at) for at in range(8)]
    ends: set[str] = set()
    for seed in range(5):
        book, mixed = HealthBook(), list(states)
        random.Random(seed).shuffle(mixed)
        told = [one for one in (book.absorb(state, []) for state in mixed) if one is not None]
        ends.add(told[-1].model_copy(update={"at_ms": 0, "since_ms": 0}).model_dump_json())
    assert len(ends) == 1


def test_a_restored_book_goes_on_as_if_nothing_had_happened() -> None:
    book, other = HealthBook(), HealthBook()
    book.absorb(_anomaly(id="a"), [])
    for key, value in book.take_blocks():
        assert value is not None
        other.load_block(key, value)
    for one in (book, other):
        assert one.absorb(_anomaly(id="a"), []) is None
    assert book.absorb(_anomaly(id="b", at_ms=5), []) == other.absorb(_anomaly(id="b", at_ms=5), [])
    book.mark_all()
    other.mark_all()
    assert dict(book.take_blocks()) == dict(other.take_blocks())


def test_a_new_entity_is_told_of_with_the_next_tick_and_again_a_day_later() -> None:
    book = HealthBook()
    book.watch(Name("t", "node:h1"))
    assert list(book.on_tick(5)) == [(Name("t", "node:h1"), 5)]
    assert book.tell(Name("t", "node:h1"), 5, ["traffic"]).state == "healthy"
    told = [at for at in range(6, 6 + 2 * AGAIN_MS, 60_000) if list(book.on_tick(at))]
    assert len(told) == 2
    assert told[1] - told[0] == pytest.approx(AGAIN_MS, abs=60_000)


def _told(operator: DetectOperator, topic: str, value: bytes) -> list[EntityHealth]:
    return [EntityHealth.from_bytes(one.value) for one in operator.step(topic, value) if one.topic is HEALTH]


def test_the_stage_tells_of_nodes_as_they_come_go_and_suffer() -> None:
    operator = DetectOperator(DetectSettings.model_validate({"windows": QUICK, "forget_after_s": 300}), 0, 1)
    cpu = Series("t", "node_cpu_ratio", {}, {"node": "h1"})
    calm, high = [0.09, 0.11] * 300, [0.97] * 30
    assert not _told(operator, SAMPLES.name, encode_batch(batch_of(stream(cpu, calm))))
    tick = Tick(stage="detect", partition=0, at_ms=START_MS + 600_000)
    assert [one.state for one in _told(operator, DETECT_TICKS.name, tick.to_bytes())] == ["healthy"]
    batch = encode_batch(batch_of(stream(cpu, high, START_MS + 600_000)))
    (worse,) = _told(operator, SAMPLES.name, batch)
    assert (worse.state, worse.entity, worse.signals[0].metric) == ("critical", "node:h1", "node_cpu_ratio")
    late = [Tick(stage="detect", partition=0, at_ms=START_MS + at).to_bytes() for at in (640_000, 840_000, 1_200_000)]
    assert [one.state for value in late for one in _told(operator, DETECT_TICKS.name, value)] == ["healthy", "gone"]


OOM = Series("t", "node_oom_kills_total", {}, {"node": "h1"}, "counter")


def _kills(values: list[float]) -> list[Anomaly]:
    operator = DetectOperator(DetectSettings(), 0, 1)
    samples = [Sample(OOM, START_MS + 15_000 * at, value) for at, value in enumerate(values)]
    return [one for one in operator.step_batch(batch_of(samples)) if one.detector == "oom_kill"]


@pytest.mark.parametrize(
    ("values", "started"),
    [
        ([0.0] * 20 + [1.0] * 3, [20]),
        ([7.0] * 20 + [8.0] * 3, [20]),
        ([7.0] * 10, []),
        ([7.0] * 10 + [0.0] * 10, []),
        ([7.0] * 10 + [0.0] * 30 + [1.0], [40]),
        ([0.0, 1.0], [1]),
    ],
    ids=["moves", "moves later", "is first seen", "resets", "moves after a reset", "moves at once"],
)
def test_an_oom_kill_is_told_with_the_scrape_that_shows_it(values: list[float], started: list[int]) -> None:
    starts = [one for one in _kills(values) if one.state == "start"]
    assert [(one.at_ms - START_MS) // 15_000 for one in starts] == started
    assert all(one.safety and one.priority == "P0" for one in starts)
