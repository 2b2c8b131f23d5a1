"""How objectives stand, on a worker's ``/metrics``."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from prometheus_client import Metric
from prometheus_client.registry import Collector

from integrations.project.sink import Partition, Record
from integrations.prometheus.slo_readings import TOPICS, SloReadings, silence_ms
from integrations.prometheus.slo_samples import FAMILIES, slo_samples
from integrations.telemetry import Telemetry
from schemas.slo_events import SloStatus
from schemas.topics import Topic

_FLUSH_S: Final = 5.0
_TEXTS: Final = {family.name.partition("<")[0]: family.text for family in FAMILIES}


class _Standing(NamedTuple):
    partition: Partition
    status: SloStatus


class SloMetrics(Collector):
    """The sink that serves the newest status of each objective as metrics.

    Event times are left out: what is scraped counts as of the scrape. A status is gone from here once its tenant's
    newest is five minutes of event time ahead (or three times ``status_every_s``, or three of its slices), and with the
    partition that it was read from, which another worker serves then.

    Parameters
    ----------
    telemetry
        Of the worker, whose ``/metrics`` it joins.
    status_every_s
        How often a status is told (``slo.status_every_s``).

    Examples
    --------
    >>> sink = SloMetrics(Telemetry("project"))
    >>> sink.name, [topic.name for topic in sink.topics], list(sink.collect())
    ('slo-metrics', ['slo.status'], [])
    """

    name = "slo-metrics"
    topics: tuple[Topic, ...] = TOPICS
    flush_s = _FLUSH_S

    def __init__(self, telemetry: Telemetry, status_every_s: float = 5.0) -> None:
        self._every_s = status_every_s
        self._readings = SloReadings(telemetry)
        self._standing: dict[str, _Standing] = {}
        self._newest_ms: dict[str, int] = {}
        # Scrapes come from threads of the HTTP server.
        self._lock = threading.Lock()
        telemetry.registry.register(self)

    def take(self, records: Sequence[Record]) -> None:
        """Keep what the newest status of each objective says."""
        newest = {one.key: one for one in self._readings.take(records)}
        with self._lock:
            for key, (_, partition, status) in newest.items():
                if status is None:
                    self._standing.pop(key, None)
                    continue
                self._standing[key] = _Standing(partition, status)
                self._newest_ms[status.tenant] = max(status.at_ms, self._newest_ms.get(status.tenant, 0))
            self._drop([key for key, one in self._standing.items() if self._is_old(one.status)])

    def flush(self) -> None:
        """Nothing here outlives the process."""

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Nothing is kept of them yet."""

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Serve no longer what was read there."""
        gone = set(partitions)
        with self._lock:
            self._drop([key for key, one in self._standing.items() if one.partition in gone])
            tenants = {one.status.tenant for one in self._standing.values()}
            self._newest_ms = {tenant: at_ms for tenant, at_ms in self._newest_ms.items() if tenant in tenants}

    def _is_old(self, status: SloStatus) -> bool:
        return status.at_ms < self._newest_ms[status.tenant] - silence_ms(self._every_s, status.slice_s)

    def _drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            del self._standing[key]

    def describe(self) -> Iterable[Metric]:
        """Nothing: names depend on windows, which objectives choose."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The families of all that is served, in the order of their names."""
        with self._lock:
            standing = list(self._standing.values())
        families: dict[str, Metric] = {}
        for _, status in standing:
            for name, labels, value in slo_samples(status):
                if (family := families.get(name)) is None:
                    family = families[name] = Metric(name, _text(name), "gauge")
                family.add_sample(name, dict(labels), value)
        return [families[name] for name in sorted(families)]


def _text(name: str) -> str:
    return _TEXTS.get(name) or next(text for start, text in _TEXTS.items() if name.startswith(start))
