"""States of episodes and rules on them, made short."""

from __future__ import annotations

from typing import Any

from incidents.rules.facts import Facts
from incidents.rules.spec import AlertRule, Bound, Condition, Match, Outcome


def state(at_s: float = 0, **fields: Any) -> Facts:
    """A state of an anomaly of a latency that began at 0."""
    body: dict[str, Any] = {
        "on": "anomaly",
        "tenant": "shop",
        "alertname": "MetricAnomaly",
        "labels": {"__name__": "latency", "service": "web"},
        "started_ms": 0,
        "at_ms": round(at_s * 1000),
        "priority": "P2",
        "entity": "service:web",
        "signal": "latency",
        "kind": "spike",
        "direction": "up",
        "score": 2.0,
        "confidence": 0.9,
        "numbers": {"observed": 3.0, "ratio_to_usual": 2.0},
    }
    return Facts(**body | fields)


def rule(name: str = "slow", priority: str | None = "P1", **fields: Any) -> AlertRule:
    """A rule on anomalies that gives a priority."""
    body: dict[str, Any] = {"on": "anomaly", "then": Outcome.model_validate({"priority": priority, "role": "symptom"})}
    return AlertRule(name=name, **body | fields)


def over(value: float) -> Condition:
    """So many times as much as usual, or more."""
    return Condition(ratio_to_usual=Bound(op=">=", value=value))


def on_signal(*signals: Any) -> Match:
    """Of one of some golden signals."""
    return Match(signal=signals)
