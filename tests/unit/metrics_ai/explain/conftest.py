"""Events of every kind that belong together, and series with an episode in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metrics_ai.explain.cases import Events
from schemas.base import Event
from schemas.batch import SampleBatch
from schemas.events import Anomaly
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.series import Series
from schemas.topics import ALERTS, ANOMALIES, INCIDENTS, TIMELINE

GOLDEN = Path(__file__).parents[3] / "contract" / "events_v1.jsonl"
KINDS: dict[str, tuple[type[Event], str]] = {
    "Anomaly": (Anomaly, ANOMALIES.name),
    "Alert": (Alert, ALERTS.name),
    "Incident": (Incident, INCIDENTS.name),
    "TimelineEntry": (TimelineEntry, TIMELINE.name),
}
START_MS = 1_790_035_200_000

MakeBatch = Callable[..., SampleBatch]


@pytest.fixture
def events() -> Events:
    """An incident of one alert of one anomaly, with its timeline: the golden events."""
    return golden(lambda line: "slo:" not in line)


@pytest.fixture
def burning() -> Events:
    """An incident of an objective's alert and an anomaly."""
    return golden(lambda line: "slo:" in line)


def golden(wanted: Callable[[str], bool]) -> Events:
    found: dict[str, list[Event]] = {}
    for line in filter(wanted, GOLDEN.read_text().splitlines()):
        one = json.loads(line)
        if one["model"] in KINDS:
            kind, topic = KINDS[one["model"]]
            found.setdefault(topic, []).append(kind.model_validate(one["event"]))
    return Events(found)


@pytest.fixture
def make_batch() -> MakeBatch:
    """One series' samples, every so many seconds."""

    def make(series: Series, values: list[float], every_s: float = 10.0) -> SampleBatch:
        times = START_MS + (1000 * every_s * np.arange(len(values))).astype(np.int64)
        ids = np.array([series.id], np.uint64)
        return SampleBatch(series.tenant, ids, [series.text], np.zeros(len(values), np.int32), times, np.array(values))

    return make
