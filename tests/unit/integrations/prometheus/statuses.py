"""Statuses of objectives as records."""

from __future__ import annotations

from typing import Any

from integrations.project import Record
from integrations.prometheus.slo_samples import Sample
from schemas.slo_events import SloStatus
from schemas.topics import SLO_STATUS

AT_MS = 1_795_446_000_000
DAY_MS = 86_400_000


def own(at_ms: int = AT_MS, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "period": "own",
        "start_ms": at_ms - 30 * DAY_MS,
        "end_ms": at_ms,
        "good": 998.0,
        "bad": 2.0,
        "total": 1000.0,
        "unknown": 1.0,
        "compliance": 0.998,
        "consumed": 2.0,
        "remaining": -1.0,
        "remaining_of_period": 0.5,
    }
    return given | fields


def status(at_ms: int = AT_MS, **fields: Any) -> SloStatus:
    given: dict[str, Any] = {
        "tenant": "acme",
        "slo": "checkout",
        "service": "shop",
        "at_ms": at_ms,
        "target": 0.999,
        "no_data": False,
        "budgets": [own(at_ms)],
        "burn": [
            {"window_s": 300, "bad": 2.0, "total": 100.0, "error_ratio": 0.02, "burn_rate": 20.0},
            {"window_s": 3600, "bad": 2.0, "total": 1000.0, "error_ratio": 0.002, "burn_rate": 2.0},
        ],
    }
    return SloStatus(**(given | fields))


def silent(at_ms: int = AT_MS, **fields: Any) -> SloStatus:
    """Of an objective for which nothing was measured."""
    nothing = {"good": 0.0, "bad": 0.0, "total": 0.0, "unknown": 0.0}
    undefined: dict[str, Any] = {"compliance": None, "consumed": None, "remaining": None, "remaining_of_period": None}
    given: dict[str, Any] = {
        "no_data": True,
        "budgets": [own(at_ms, **nothing, **undefined)],
        "burn": [{"window_s": 300, "bad": 0.0, "total": 0.0}],
    }
    return status(at_ms, **(given | fields))


def opened(name: str = "page-quick", priority: str = "P0") -> dict[str, Any]:
    """An alert that is open, as a status has it."""
    return {"alert": name, "kind": "burn", "priority": priority, "started_ms": AT_MS}


def record(event: SloStatus, partition: int = 0) -> Record:
    return Record(SLO_STATUS.name, partition, 0, event.key.encode(), event.to_bytes(), event.at_ms)


def tombstone(key: str, partition: int = 0) -> Record:
    return Record(SLO_STATUS.name, partition, 0, key.encode(), None, 0)


def by_name(samples: list[Sample]) -> dict[str, float]:
    """Values by name and what labels they have beside those of every sample."""
    return {_text(one): one.value for one in samples}


def _text(one: Sample) -> str:
    own_labels = [(k, v) for k, v in one.labels if k not in {"tenant", "service", "slo"} and not k.startswith("sloth_")]
    return one.name + "".join(f",{name}={value}" for name, value in own_labels)
