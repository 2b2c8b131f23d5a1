"""Anomalies, made short, for all tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.events import Anomaly, Range, WindowVerdict
from schemas.ids import event_id, series_id
from schemas.slo_events import BudgetShare, SloAlert


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


def make_slo_alert(
    alert: str = "page-quick",
    slo: str = "checkout",
    start_s: float = 1000,
    state: str = "start",
    at_s: float | None = None,
    **fields: Any,
) -> SloAlert:
    """One turn of an alert of an objective that began at ``start_s``; its kind is told from its name."""
    tenant = fields.pop("tenant", "default")
    start_ms = round(start_s * 1000)
    kind = {"sla": "sla", "no-data": "no_data"}.get(alert, "budget" if alert.startswith("budget-") else "burn")
    since_s = fields.pop("since_s", None)
    body: dict[str, Any] = {
        "id": event_id("slo", f"{tenant}/{slo}", alert, start_ms),
        "tenant": tenant,
        "slo": slo,
        "service": "web-shop",
        "title": "Checkout answers",
        "labels": {"team": "shop"},
        "alert": alert,
        "kind": kind,
        "state": state,
        "priority": "P0" if alert == "page-quick" else "P1" if alert in ("page-slow", "sla") else "P2",
        "started_ms": start_ms,
        "at_ms": start_ms if at_s is None else round(at_s * 1000),
        "since_ms": None if since_s is None else round(since_s * 1000),
        "long_ratio": 0.0149 if kind == "burn" else None,
        "burn_rate": 14.9 if kind == "burn" else None,
        "budget_left": 0.61,
        "spenders": [BudgetShare(who=who, bad=90.0, of_budget=0.3) for who in fields.pop("spent_by", [])],
        "runbooks": ["checkout-errors"],
        "summary": "Checkout answers burns its budget 14.9 times as fast as it lasts",
    }
    return SloAlert(**(body | fields))


@pytest.fixture(scope="session")
def slo_alert() -> Callable[..., SloAlert]:
    """Makes one turn of an alert of an objective that began at ``start_s``."""
    return make_slo_alert


@pytest.fixture(scope="session")
def make(anomaly: Callable[..., Anomaly], slo_alert: Callable[..., SloAlert]) -> Callable[..., Anomaly | SloAlert]:
    """Makes a state of an episode, or a turn of an objective's alert."""

    def made(**one: Any) -> Anomaly | SloAlert:
        return slo_alert(**one) if "alert" in one else anomaly(**one)

    return made
