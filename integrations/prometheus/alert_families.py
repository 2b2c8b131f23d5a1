"""Metrics of how well alerts and incidents are dealt with: each name once, with its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Histogram

Of = Literal["opened", "resolved", "notified", "judged", "detect", "acknowledge", "mitigate", "resolve"]
TIMES_S: Final = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0, 259_200.0)
OUTCOMES: Final = ("delivered", "retry", "refused", "given_up")
VERDICTS: Final = ("actioned", "false", "duplicate")
_WHOSE: Final = ("tenant", "rule", "team", "priority")
_INCIDENTS: Final = ("tenant", "team", "priority")


@dataclass(frozen=True, slots=True)
class AlertFamily:
    """A metric.

    Parameters
    ----------
    of
        What it counts or measures.
    name
        As it is scraped, without what counters and histograms add.
    type
        Counter or histogram.
    labels
        In their order.
    text
        What it is.
    """

    of: Of
    name: str
    type: Literal["counter", "histogram"]
    labels: tuple[str, ...]
    text: str


FAMILIES: Final = (
    AlertFamily("opened", "metrics_ai_alerts_opened", "counter", _WHOSE, "Alert episodes that began."),
    AlertFamily("resolved", "metrics_ai_alerts_resolved", "counter", _WHOSE, "Alert episodes that ended."),
    AlertFamily(
        "notified",
        "metrics_ai_notifications",
        "counter",
        ("tenant", "receiver", "integration", "action", "priority", "outcome"),
        "Attempts to deliver a notification, by what became of them: delivered, retry, refused, given_up.",
    ),
    AlertFamily(
        "judged",
        "metrics_ai_alert_feedback",
        "counter",
        ("tenant", "rule", "team", "verdict"),
        "What people said of alerts: actioned, false, duplicate.",
    ),
    AlertFamily(
        "detect",
        "metrics_ai_incident_time_to_detect_seconds",
        "histogram",
        _INCIDENTS,
        "From an incident's start to its detection.",
    ),
    AlertFamily(
        "acknowledge",
        "metrics_ai_incident_time_to_acknowledge_seconds",
        "histogram",
        _INCIDENTS,
        "From its detection to its first acknowledgement.",
    ),
    AlertFamily(
        "mitigate",
        "metrics_ai_incident_time_to_mitigate_seconds",
        "histogram",
        _INCIDENTS,
        "From its detection until users no longer noticed it.",
    ),
    AlertFamily(
        "resolve",
        "metrics_ai_incident_time_to_resolve_seconds",
        "histogram",
        _INCIDENTS,
        "From its start to its end; one that was reopened counts again.",
    ),
)
PAGES: Final = "metrics_ai_pages"
PAGES_LABELS: Final = ("tenant", "receiver", "window")
PAGES_TEXT: Final = (
    "Pages (P0 and P1 that were opened) of the shift that goes on, and of the last 7 days, as of the scrape."
)


class AlertFigures:
    """The metrics in a registry.

    Parameters
    ----------
    registry
        That of a worker.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for one in FAMILIES:
            if one.type == "counter":
                self._counters[one.of] = Counter(one.name, one.text, one.labels, registry=registry)
            else:
                self._histograms[one.of] = Histogram(one.name, one.text, one.labels, buckets=TIMES_S, registry=registry)

    def count(self, of: Of, *labels: str) -> None:
        """One more."""
        self._counters[of].labels(*labels).inc()

    def begin(self, of: Of, *labels: str) -> None:
        """Begin at zero, so that the first one is seen as an increase."""
        self._counters[of].labels(*labels)

    def took(self, of: Of, seconds: float, *labels: str) -> None:
        """One more that took so long."""
        self._histograms[of].labels(*labels).observe(seconds)
