"""What rules look at: one state of an episode, whoever tells of it, in the same words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from incidents import anomalies, objectives
from incidents.finding import Finding
from models.golden import signal_of
from schemas.events import Anomaly, Direction, GoldenSignal, Priority, Severity
from schemas.slo_events import SloAlert

Source = Literal["anomaly", "slo", "posted"]
Number = Literal[
    "ratio_to_usual",
    "observed",
    "budget_left",
    "burn_rate",
    "time_to_limit_s",
]

# A histogram's series are called so: https://prometheus.io/docs/practices/histograms/ has the signal in the base name.
_OF_LATENCY: Final = (":p95", ":mean")
_RATE: Final = ":rate"
_RATES: Final = ("_total", "_count", _RATE, "_per_second")


@dataclass(frozen=True, slots=True)
class Facts:
    """One state of an episode.

    Parameters
    ----------
    on
        Who tells of it.
    tenant, alertname, labels
        Whose it is, how the alert is called, and the labels that selectors look at (``__name__`` is the metric).
    entity, signal
        What it is about, and its golden signal if its metric's name says one.
    kind, direction
        Of an anomaly its kind, of an objective ``burn``, ``budget``, ``sla`` or ``no_data``.
    started_ms, at_ms, ended
        When the episode began, when it was so, and whether that is its end.
    priority, severity, safety
        Its own, which hold where no rule says another.
    score, confidence
        Of an anomaly; what is counted is certain.
    numbers
        What conditions compare, each where it is known.
    """

    on: Source
    tenant: str
    alertname: str
    labels: Mapping[str, str]
    started_ms: int
    at_ms: int
    priority: Priority
    severity: Severity = "warning"
    entity: str = "unknown"
    signal: GoldenSignal | None = None
    kind: str = ""
    direction: Direction = "none"
    ended: bool = False
    safety: bool = False
    score: float = 0.0
    confidence: float = 1.0
    numbers: Mapping[Number, float] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """The metric's name; empty where it is about none."""
        return self.labels.get("__name__", "")

    @property
    def entity_kind(self) -> str:
        """What kind of thing it is about: node, service, pod, cluster, slo."""
        return self.entity.partition(":")[0]

    @property
    def lasted_ms(self) -> int:
        """How long the episode has lasted by this state."""
        return self.at_ms - self.started_ms

    @property
    def is_rate(self) -> bool:
        """Whether its value counts events a second."""
        return self.metric.endswith(_RATES)


def facts_of_anomaly(anomaly: Anomaly) -> Facts:
    """A state of an anomaly.

    What is usual is that of the hour of the week where that is known, else the middle of what is expected.
    """
    return Facts(
        on="anomaly",
        tenant=anomaly.tenant,
        alertname=anomalies.alert_name(anomaly),
        labels={**anomalies.alert_labels(anomaly), "__name__": anomaly.metric},
        started_ms=anomaly.started_ms,
        at_ms=anomaly.at_ms,
        priority=anomalies.alert_priority(anomaly),
        severity=anomaly.severity,
        entity=anomaly.entity,
        signal=golden_signal(anomaly.metric, anomaly.labels),
        kind=anomaly.kind,
        direction=anomaly.direction,
        ended=anomaly.state == "end" or anomaly.ended_ms is not None,
        safety=anomaly.safety,
        score=anomaly.score,
        confidence=anomaly.confidence,
        numbers=_numbers_of_anomaly(anomaly),
    )


def facts_of_slo_alert(alert: SloAlert) -> Facts:
    """A turn of an objective's alert."""
    finding = objectives.SloFinding(alert)
    labels = finding.labels()
    numbers: dict[Number, float] = {}
    if alert.burn_rate is not None:
        numbers["burn_rate"] = alert.burn_rate
    if alert.budget_left is not None:
        numbers["budget_left"] = alert.budget_left
    observed = objectives.observed(alert)
    if observed is not None:
        numbers["observed"] = observed
    if alert.exhausted_in is not None and alert.exhausted_in.p50_s is not None:
        numbers["time_to_limit_s"] = alert.exhausted_in.p50_s
    return Facts(
        on="slo",
        tenant=alert.tenant,
        alertname=finding.name,
        labels=labels,
        started_ms=alert.started_ms,
        at_ms=alert.at_ms,
        priority=alert.priority,
        severity=finding.severity,
        entity=finding.identity(labels).entity,
        kind=alert.kind,
        ended=alert.state == "end",
        numbers=numbers,
    )


def facts_of(finding: Finding[Any]) -> Facts:
    """Any state of an alert's episode; what is neither an anomaly's nor an objective's was posted."""
    match finding.event:
        case Anomaly() as anomaly:
            return facts_of_anomaly(anomaly)
        case SloAlert() as alert:
            return facts_of_slo_alert(alert)
    labels = finding.labels()
    return Facts(
        on="posted",
        tenant=finding.tenant,
        alertname=finding.name,
        labels=labels,
        started_ms=finding.started_ms,
        at_ms=finding.at_ms,
        priority=finding.priority,
        severity=finding.severity,
        entity=finding.identity(labels).entity,
        ended=finding.ended_ms is not None,
        safety=finding.safety,
    )


def golden_signal(metric: str, labels: Mapping[str, str]) -> GoldenSignal | None:
    """The golden signal of a metric, that of its histogram where it was derived from one.

    Examples
    --------
    >>> golden_signal("http_request_duration_seconds:p95", {}), golden_signal("http_request_duration_seconds:rate", {})
    ('latency', 'traffic')
    """
    for suffix in _OF_LATENCY:
        if metric.endswith(suffix):
            return signal_of(metric.removesuffix(suffix), labels)
    if metric.endswith(_RATE):
        return signal_of(metric.removesuffix(_RATE) + "_count", labels)
    return signal_of(metric, labels)


def ratio_to(observed: float, usual: float) -> float | None:
    """How many times as much as usual; without end where nothing is usual, None where a ratio says nothing.

    Examples
    --------
    >>> ratio_to(3.0, 2.0), ratio_to(3.0, 0.0), ratio_to(0.0, 0.0), ratio_to(3.0, -2.0)
    (1.5, inf, None, None)
    """
    if usual > 0:
        return observed / usual
    return math.inf if usual == 0 and observed > 0 else None


def _numbers_of_anomaly(anomaly: Anomaly) -> dict[Number, float]:
    numbers: dict[Number, float] = {"observed": anomaly.observed}
    usual = anomaly.usual or anomaly.expected
    ratio = None if usual is None else ratio_to(anomaly.observed, usual.center)
    if ratio is not None:
        numbers["ratio_to_usual"] = ratio
    if anomaly.time_to_limit is not None:
        numbers["time_to_limit_s"] = anomaly.time_to_limit.p50_s
    return numbers
