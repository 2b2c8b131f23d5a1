"""Anomalies, made short, for all tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.events import Anomaly, Range, WindowVerdict
from schemas.ids import event_id, series_id


def make_anomaly(
    metric: str = "node_cpu_ratio",
    node: str = "h1",
    start_s: float = 1000,
    state: str = "start",
    at_s: float | None = None,
    **fields: Any,
) -> Anomaly:
    """One state of the episode of a metric on a node that began at ``start_s``."""
    tenant = fields.pop("tenant", "default")
    labels = {"node": node} if node else {}
    series = series_id(tenant, metric, labels)
    start_ms = round(start_s * 1000)
    at_ms = start_ms if at_s is None else round(at_s * 1000)
    score = fields.pop("score", 2.0)
    body: dict[str, Any] = {
        "id": event_id(series, start_ms, fields.get("detector", "bank")),
        "state": state,
        "tenant": tenant,
        "series_id": f"{series:016x}",
        "metric": metric,
        "labels": labels,
        "dims": labels,
        "entity": f"node:{node}" if node else "unknown",
        "kind": "spike",
        "detector": "bank",
        "severity": "warning",
        "started_ms": start_ms,
        "at_ms": at_ms,
        "ended_ms": at_ms if state == "end" else None,
        "score": score,
        "peak_score": score,
        "observed": 0.93,
        "expected": Range(low=0.1, center=0.2, high=0.3),
        "windows": [WindowVerdict(window="5m", score=score, agrees=True)],
        "confidence": 0.8,
        "explanation": "0.93 where 0.1 to 0.3 was expected",
    }
    return Anomaly(**(body | fields))


@pytest.fixture(scope="session")
def anomaly() -> Callable[..., Anomaly]:
    """Makes one state of the episode of a metric on a node that began at ``start_s``."""
    return make_anomaly
