"""A worker's own health: Prometheus metrics, heartbeats, readiness. A metric's name is written once, here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

# A component that has not beaten for this long is not healthy.
HEARTBEAT_LIMIT_S: Final = 30.0
_LATENCY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class Telemetry:
    """Metrics and health of one worker process.

    Parameters
    ----------
    role
        The worker's roles, joined by commas.
    clock
        Monotonic seconds.
    """

    role: str
    clock: Callable[[], float] = time.monotonic
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self._beats: dict[str, float] = {}
        self._ready: dict[str, bool] = {}
        registry = self.registry
        ProcessCollector(registry=registry)
        self.records = Counter("metrics_ai_records", "Records read.", ["stage", "topic"], registry=registry)
        self.samples = Counter("metrics_ai_samples", "Samples taken in.", ["stage"], registry=registry)
        self.outputs = Counter("metrics_ai_outputs", "Records written.", ["stage", "topic"], registry=registry)
        self.rejected = Counter(
            "metrics_ai_rejected", "Records that could not be read.", ["stage", "source", "reason"], registry=registry
        )
        self.skipped = Counter(
            "metrics_ai_skipped", "Values left out, by reason.", ["stage", "source", "reason"], registry=registry
        )
        self.noted = Counter(
            "metrics_ai_noted", "What a stage saw in its values, by name.", ["stage", "event"], registry=registry
        )
        self.gaps = Counter(
            "metrics_ai_gaps", "Records that were gone before they were read.", ["stage", "topic"], registry=registry
        )
        self.lag_offsets = Gauge(
            "metrics_ai_lag_offsets", "Records not read yet.", ["stage", "topic", "partition"], registry=registry
        )
        self.lag_seconds = Gauge(
            "metrics_ai_lag_seconds",
            "Time since the newest record read; 0 where none is left.",
            ["stage", "topic", "partition"],
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "metrics_ai_batch_seconds", "Time of one step.", ["stage"], buckets=_LATENCY_BUCKETS, registry=registry
        )
        self.series = Gauge("metrics_ai_series", "Series in memory.", ["stage", "partition"], registry=registry)
        self.checkpoint_seconds = Histogram(
            "metrics_ai_checkpoint_seconds",
            "Time of one checkpoint.",
            ["stage"],
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )
        self.checkpoint_bytes = Counter(
            "metrics_ai_checkpoint_bytes", "State written to checkpoints.", ["stage"], registry=registry
        )
        self.checkpoint_time = Gauge(
            "metrics_ai_checkpoint_timestamp_seconds",
            "When the last checkpoint was made, seconds since the epoch.",
            ["stage", "partition"],
            registry=registry,
        )
        self.sink_refusals = Counter(
            "metrics_ai_sink_refusals", "Flushes that a sink refused; reading waits.", ["sink"], registry=registry
        )
        self.deliveries = Counter(
            "metrics_ai_deliveries",
            "Attempts to deliver a notification, by kind of integration.",
            ["integration", "action", "outcome"],
            registry=registry,
        )
        self.fenced = Counter(
            "metrics_ai_fenced", "Checkpoints refused because a newer owner exists.", ["stage"], registry=registry
        )
        self._remote_write_metrics()
        self._http_metrics()

    def _remote_write_metrics(self) -> None:
        registry = self.registry
        self.remote_write_samples = Counter(
            "metrics_ai_remote_write_samples",
            "Samples of remote write, by what became of them: written, refused.",
            ["sink", "outcome"],
            registry=registry,
        )
        self.remote_write_retries = Counter(
            "metrics_ai_remote_write_retries",
            "Requests of remote write that were not taken and will be sent again: a status of HTTP, connection, "
            "timeout, credentials.",
            ["sink", "reason"],
            registry=registry,
        )
        self.remote_write_seconds = Histogram(
            "metrics_ai_remote_write_seconds",
            "Time of one request of remote write.",
            ["sink"],
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )

    def _http_metrics(self) -> None:
        registry = self.registry
        self.http_requests = Counter(
            "metrics_ai_http_requests",
            "Requests to the API, by the path as OpenAPI writes it; other for one that there is not.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.http_seconds = Histogram(
            "metrics_ai_http_request_seconds",
            "Time until the answer of the API began.",
            ["method", "route"],
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )

    def beat(self, component: str) -> None:
        """Say that a component is alive."""
        self._beats[component] = self.clock()

    def set_ready(self, component: str, ready: bool = True) -> None:
        """Say whether a component consumes; one that was never named does not count."""
        self._ready[component] = ready

    @property
    def is_ready(self) -> bool:
        """Whether every named component consumes."""
        return bool(self._ready) and all(self._ready.values())

    @property
    def is_healthy(self) -> bool:
        """Whether every component has beaten lately."""
        return not self.silent_components()

    def silent_components(self) -> list[str]:
        """Components whose heart has stopped."""
        now = self.clock()
        return sorted(name for name, at in self._beats.items() if now - at > HEARTBEAT_LIMIT_S)

    def status(self) -> dict[str, object]:
        """Health as a JSON-able mapping."""
        return {
            "role": self.role,
            "healthy": self.is_healthy,
            "ready": self.is_ready,
            "components": dict(sorted(self._ready.items())),
            "silent": self.silent_components(),
        }
