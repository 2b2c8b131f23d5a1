from __future__ import annotations

from functools import lru_cache

import pytest

from incidents.decide import DecideOperator, DecideSettings
from models.detect import DetectOperator, DetectSettings
from schemas.batch import encode_batch
from schemas.events import Anomaly, EntityHealth
from schemas.series import Series
from schemas.topics import ANOMALIES, HEALTH, SAMPLES
from streams.operator import Output
from tests.unit.models.entities.worlds import together
from tests.unit.models.streams import Sample, batch_of

SETTINGS = DetectSettings.model_validate(
    {
        "windows": {name: {"enabled": False} for name in ("5m", "15m", "1h", "24h", "7d")},
        "entities": {"warmup_s": 14_400},
    }
)
START_MS = 1_700_000_100_000
METRICS = ("node_cpu_ratio", "node_load1", "node_network_receive_bytes_total", "queue_length", "requests_per_second")
SERIES = [Series("t", metric, {"host": "h1"}, {"node": "h1"}) for metric in METRICS]


@lru_cache
def _batches(rows: int = 100) -> tuple[bytes, ...]:
    """Traffic rises with all else, CPU does not follow for an hour; so many minutes a batch."""
    values = together(900, len(SERIES), seed=1)
    values[700:760, 0] -= 2.5 * values[:, 0].std()
    return tuple(
        encode_batch(
            batch_of(
                [
                    Sample(series, START_MS + 60_000 * at, float(values[at, place]))
                    for at in range(start, min(900, start + rows))
                    for place, series in enumerate(SERIES)
                ]
            )
        )
        for start in range(0, 900, rows)
    )


def _outputs(restore_at: int = -1, rows: int = 100) -> list[Output]:
    operator, blocks = DetectOperator(SETTINGS, 0, 1), dict[str, bytes | None]()
    outputs: list[Output] = []
    for at, batch in enumerate(_batches(rows)):
        if at <= restore_at:
            blocks |= dict(operator.take_blocks())
        if at == restore_at:
            operator = DetectOperator(SETTINGS, 0, 1)
            for key, value in blocks.items():
                assert value is not None
                operator.load_block(key, value)
            operator.finish_load()
        outputs += operator.step(SAMPLES.name, batch)
    return outputs


def _found() -> list[Anomaly]:
    told = [Anomaly.from_bytes(one.value) for one in _outputs() if one.topic is ANOMALIES]
    return [one for one in told if one.kind == "multivariate"]


def test_a_broken_correlation_is_told_of_the_series_that_broke_it() -> None:
    start, *_, end = _found()
    assert (start.state, end.state, end.end_reason) == ("start", "end", "recovered")
    assert (start.metric, start.entity, start.direction) == ("node_cpu_ratio", "node:h1", "down")
    assert start.explanation.startswith("node h1: its signals do not fit together: CPU ")
    assert " spreads below" in start.explanation
    assert start.expected is not None
    assert start.observed < start.expected.center
    assert start.id == end.id


def test_base_and_contributions_add_up_to_the_score_and_the_broken_signal_ranks_first() -> None:
    for one in _found():
        if one.state == "end":
            continue
        assert one.base + sum(share.value for share in one.contributions) == pytest.approx(one.score, abs=1e-6)
        assert one.contributions[0].of == "node_cpu_ratio"


def test_they_are_keyed_by_entity() -> None:
    assert {one.key for one in _outputs() if b'"multivariate"' in one.value} == {"t/node:h1"}


def _by_topic(outputs: list[Output]) -> list[Output]:
    """Each topic's in their order; a batch's outputs come a topic after the other."""
    return sorted(outputs, key=lambda one: one.topic.name)


@pytest.mark.parametrize("rows", [13, 450])
def test_where_a_batch_is_cut_changes_nothing(rows: int) -> None:
    assert _by_topic(_outputs(rows=rows)) == _by_topic(_outputs())


def test_what_is_open_ends_with_the_last_series_that_is_forgotten() -> None:
    settings = SETTINGS.model_copy(update={"forget_after_s": 600.0})
    operator = DetectOperator(settings, 0, 1)
    outputs = [one for batch in _batches(10)[:73] for one in operator.step(SAMPLES.name, batch)]
    assert any(b'"multivariate"' in one.value for one in outputs)
    last_ms = START_MS + 60_000 * 729
    assert operator.on_tick(last_ms) == []
    found = operator.on_tick(last_ms + 601_000)
    assert operator.series_count == 0
    (end,) = (one for one in found if one.kind == "multivariate")
    assert (end.state, end.end_reason) == ("end", "silent")
    assert end.ended_ms is not None
    assert end.ended_ms <= last_ms < end.at_ms


def test_its_health_follows() -> None:
    told = [EntityHealth.from_bytes(one.value) for one in _outputs() if one.topic is HEALTH]
    assert [one.state for one in told][-2:] == ["degraded", "healthy"]
    assert [(one.signal, one.state) for one in told[-2].signals] == [("traffic", "normal"), ("saturation", "normal")]
    assert told[-2].reasons[0].text.startswith("node h1: its signals do not fit together")


@pytest.mark.parametrize("restore_at", [1, 4, 7])
def test_a_restored_operator_goes_on_as_if_nothing_had_happened(restore_at: int) -> None:
    assert _outputs(restore_at) == _outputs()


def test_alone_it_makes_an_incident_that_pages_nobody() -> None:
    decide = DecideOperator(DecideSettings(), 0, 1)
    for one in _found():
        decide.on_anomaly(one)
    (alert,) = decide.alerts()
    (incident,) = decide.incidents()
    assert alert.labels["alertname"] == "EntityAnomaly"
    assert (alert.priority, alert.kind, incident.page_keys) == ("P2", "multivariate", [])
    assert "does not fit the other signals" in alert.annotations["summary"]
