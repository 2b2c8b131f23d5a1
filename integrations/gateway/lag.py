"""How far behind each source partition is, in offsets and in seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from integrations.gateway.offsets import Source
from integrations.telemetry import Telemetry

STAGE: Final = "ingest"


class Lag:
    """Tells telemetry the lag, whether or not anything is read.

    Parameters
    ----------
    telemetry
        Hears of it.
    clock
        Seconds since the epoch.

    Examples
    --------
    >>> lag = Lag(telemetry := Telemetry("ingest"), clock=lambda: 160.0)
    >>> lag.read(("metrics", 0), record_ms=100_000)
    >>> lag.tell({("metrics", 0): 3})
    >>> labels = {"stage": "ingest", "topic": "metrics", "partition": "0"}
    >>> telemetry.registry.get_sample_value("metrics_ai_lag_seconds", labels)
    60.0
    """

    def __init__(self, telemetry: Telemetry, clock: Callable[[], float]) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._read_ms: dict[Source, int] = {}

    def read(self, source: Source, record_ms: int) -> None:
        """Say the time of the newest record read; 0 where it has none."""
        self._read_ms[source] = record_ms

    def tell(self, backlog: Mapping[Source, int | None]) -> None:
        """Tell the lag of partitions with so many records left; None where that is not known, and nothing changes."""
        now_s = self._clock()
        for source, count in backlog.items():
            if count is None:
                continue
            labels = STAGE, source[0], str(source[1])
            self._telemetry.lag_offsets.labels(*labels).set(count)
            read_ms = self._read_ms.get(source, 0)
            if not count:
                self._telemetry.lag_seconds.labels(*labels).set(0)
            elif read_ms:
                self._telemetry.lag_seconds.labels(*labels).set(max(0.0, now_s - read_ms / 1000))

    def forget(self, sources: Iterable[Source]) -> None:
        """These are somebody else's to tell of."""
        for topic, partition in sources:
            for gauge in (self._telemetry.lag_offsets, self._telemetry.lag_seconds):
                with contextlib.suppress(KeyError):
                    gauge.remove(STAGE, topic, str(partition))
        self._read_ms.clear()
