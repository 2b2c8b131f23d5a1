"""An SLO, and slices of it, one after the other."""

from __future__ import annotations

from typing import Any

from schemas.slo_events import SloSlice
from slo.burn import Transition
from slo.definition import RatioIndicator, RollingWindow, Slo, Source
from slo.engine import Engine, Outcome
from slo.status import Status

DAY_S = 86_400


def make_slo(name: str = "checkout", **fields: Any) -> Slo:
    given: dict[str, Any] = {
        "name": name,
        "service": "shop",
        "method": "Occurrences",
        "indicator": RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests")),
        "target": 0.999,
        "window": RollingWindow(duration_s=30 * DAY_S),
    }
    return Slo(**(given | fields))


START_MS = 1_795_446_000_000
KEY = "default/checkout"


class Feed:
    """Slices of one SLO for an engine, one after the other."""

    def __init__(self, engine: Engine, key: str = KEY, slice_s: int = 5) -> None:
        self.engine = engine
        self.key = key
        self.slice_s = slice_s
        self.at_ms = START_MS
        self.alerts: list[Transition] = []
        self.statuses: list[Status] = []

    def go(self, slices: int, bad: float = 0.0, total: float = 100.0, unknown: float = 0.0) -> list[Transition]:
        """So many slices of these counts; what alerts turned."""
        before = len(self.alerts)
        for _ in range(slices):
            self.take(self.engine.on_slice(self.record(self.at_ms, bad, total, unknown)))
            self.at_ms += self.slice_s * 1000
        return self.settle(before)

    def be_silent(self, slices: int) -> list[Transition]:
        """So many slices of nothing."""
        before = len(self.alerts)
        self.at_ms += slices * self.slice_s * 1000
        return self.settle(before)

    def settle(self, before: int) -> list[Transition]:
        self.take(self.engine.on_tick(self.at_ms + 2000))
        return self.alerts[before:]

    def take(self, outcome: Outcome) -> None:
        self.alerts += outcome.alerts
        self.statuses += outcome.statuses

    def record(self, at_ms: int, bad: float, total: float, unknown: float = 0.0, **fields: Any) -> SloSlice:
        given: dict[str, Any] = {
            "partition": 0,
            "slice_ms": at_ms,
            "slice_s": self.slice_s,
            "slos": [self.key],
            "good": [total - bad],
            "bad": [bad],
            "unknown": [unknown],
        }
        return SloSlice(**(given | fields))
