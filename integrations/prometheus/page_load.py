"""How often people are paged, on a worker's ``/metrics``: in the shift that goes on, and in a week."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from prometheus_client import Metric
from prometheus_client.registry import Collector

from integrations.project.sink import Partition, Record
from integrations.prometheus.alert_families import PAGES, PAGES_TEXT
from integrations.records.sre_health import shift_of
from integrations.telemetry import Telemetry
from schemas.errors import MetricsAIError, NewerVersionError
from schemas.notification_events import Notification
from schemas.topics import DAY_MS, NOTIFICATIONS, Topic

_FLUSH_S: Final = 5.0
_STAGE: Final = "project"
_WEEK_MS: Final = 7 * DAY_MS
_PAGING: Final = frozenset({"P0", "P1"})


class _Page(NamedTuple):
    partition: Partition
    tenant: str
    receiver: str
    at_ms: int


class PageLoad(Collector):
    """The sink that serves how many pages each receiver got.

    A page is a dedup key that was opened at a receiver under P0 or P1; one receiver with several integrations is paged
    once. It keeps no place: whenever it is given a partition it reads that from the beginning, so what it serves is the
    same after a restart.

    Parameters
    ----------
    telemetry
        Of the worker, whose ``/metrics`` it joins.
    shift_starts_h
        Hours (UTC) at which shifts begin.
    now_s
        Seconds since the epoch: a shift goes on although nobody is paged.

    Examples
    --------
    >>> load = PageLoad(Telemetry("project"))
    >>> load.name, load.places([("notifications", 0)])
    ('page-load', {})
    """

    name = "page-load"
    topics: tuple[Topic, ...] = (NOTIFICATIONS,)
    flush_s = _FLUSH_S

    def __init__(
        self,
        telemetry: Telemetry,
        shift_starts_h: Sequence[int] = (6, 14, 22),
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._telemetry = telemetry
        self._starts_h = shift_starts_h
        self._now_s = now_s
        self._pages: dict[tuple[str, str, str], _Page] = {}
        # Scrapes come from threads of the HTTP server.
        self._lock = threading.Lock()
        telemetry.registry.register(self)

    def take(self, records: Sequence[Record]) -> None:
        """Keep the pages among notifications of the last week."""
        found = {}
        for record in records:
            one = self._notification(record)
            if one is not None and one.action == "open" and one.priority in _PAGING:
                page = _Page((record.topic, record.partition), one.tenant, one.receiver, one.at_ms)
                found[one.tenant, one.receiver, f"{one.dedup_key}/{one.sequence}"] = page
        with self._lock:
            self._pages |= found
            since_ms = self._now_ms() - _WEEK_MS
            for key in [key for key, page in self._pages.items() if page.at_ms <= since_ms]:
                del self._pages[key]

    def _notification(self, record: Record) -> Notification | None:
        if record.value is None:
            return None
        try:
            return Notification.from_bytes(record.value)
        except MetricsAIError as error:
            reason = "newer_version" if isinstance(error, NewerVersionError) else "not_readable"
            self._telemetry.rejected.labels(_STAGE, record.topic, reason).inc()
            return None

    def flush(self) -> None:
        """Nothing here outlives the process."""

    def places(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """None: it reads from the beginning."""
        del partitions
        return {}

    def begin(self, partitions: Collection[Partition]) -> None:
        """It holds nothing of them."""

    def check(self) -> None:
        """It has no far end."""

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Nothing is kept of them yet."""

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Serve no longer what was read there."""
        gone = set(partitions)
        with self._lock:
            self._pages = {key: page for key, page in self._pages.items() if page.partition not in gone}

    def describe(self) -> Iterable[Metric]:
        """Nothing: it is served once somebody was paged."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Pages by receiver; a receiver that was paged within the week and not in this shift has none in it."""
        now_ms = self._now_ms()
        starts = {"shift": shift_of(now_ms, self._starts_h), "week": now_ms - _WEEK_MS + 1}
        counts: dict[tuple[str, str, str], int] = defaultdict(int)
        with self._lock:
            pages = list(self._pages.values())
        for page in pages:
            for window, since_ms in starts.items():
                counts[page.tenant, page.receiver, window] += starts["week"] <= page.at_ms and since_ms <= page.at_ms
        family = Metric(PAGES, PAGES_TEXT, "gauge")
        for (tenant, receiver, window), count in sorted(counts.items()):
            family.add_sample(PAGES, {"tenant": tenant, "receiver": receiver, "window": window}, count)
        return [family] if counts else []

    def _now_ms(self) -> int:
        return round(self._now_s() * 1000)
