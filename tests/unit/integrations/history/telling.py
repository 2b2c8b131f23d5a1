"""Records of objectives for tests, and what a folder of history says."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from integrations.history import HistorySettings, HistorySink
from integrations.history.files import days_in, files_in
from integrations.history.kinds import kinds_of
from integrations.history.newest import newest
from integrations.project import Record
from integrations.telemetry import Telemetry
from schemas.incident_events import Incident
from schemas.slo_events import PeriodBudget, SloAlert, SloStatus, WindowBurn

DAY_MS = 86_400_000
MIDNIGHT_MS = 1_790_035_200_000
NOW_S = MIDNIGHT_MS / 1000 + 400 * 86_400


def budget(period: str, at_ms: int, bad: float) -> PeriodBudget:
    fields = {"good": 1000 - bad, "bad": bad, "total": 1000, "unknown": 0, "compliance": 1 - bad / 1000}
    left = {"consumed": bad / 10, "remaining": 1 - bad / 10, "remaining_of_period": 1 - bad / 20}
    return PeriodBudget.model_validate({"period": period, "start_ms": MIDNIGHT_MS, "end_ms": at_ms, **fields, **left})


def status(at_ms: int, slo: str = "checkout", bad: float = 1, tenant: str = "default") -> SloStatus:
    return SloStatus(
        tenant=tenant,
        slo=slo,
        service="shop",
        at_ms=at_ms,
        target=0.99,
        no_data=False,
        budgets=[budget(period, at_ms, bad) for period in ("daily", "weekly", "monthly", "own")],
        burn=[WindowBurn(window_s=300, bad=bad, total=1000, error_ratio=bad / 1000, burn_rate=bad / 10)],
    )


def alert(at_ms: int, state: str, started_ms: int, slo: str = "checkout", tenant: str = "default") -> SloAlert:
    fields: dict[str, Any] = {"kind": "burn", "priority": "P0", "state": state, "started_ms": started_ms}
    return SloAlert(id=f"{slo}-{started_ms}", tenant=tenant, slo=slo, alert="page-quick", at_ms=at_ms, **fields)


def record(topic: str, offset: int, value: bytes | None, partition: int = 0) -> Record:
    return Record(topic, partition, offset, b"key", value, MIDNIGHT_MS)


def sink(folder: Path, telemetry: Telemetry | None = None, **other: Any) -> HistorySink:
    settings = HistorySettings.model_validate({"folder": folder} | other.pop("settings", {}))
    return HistorySink(settings, telemetry or Telemetry("project"), lambda: NOW_S, **other)


def said(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What history says by kind: each identity once, without its place on the topic."""
    while True:
        with contextlib.suppress(FileNotFoundError):  # made one with others meanwhile
            return _said(folder)


def _said(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for kind in kinds_of(60):
        tables = [
            pq.read_table(file, partitioning=None) for _, day in days_in(folder, kind.name) for file in files_in(day)
        ]
        rows = newest(pa.concat_tables(tables), kind).to_pylist() if tables else []
        found[kind.name] = [
            {key: value for key, value in row.items() if key not in ("partition", "offset")} for row in rows
        ]
    return found


def incident(number: int, state: str, updated_ms: int, revision: int = 1, slo: str = "checkout") -> Incident:
    member = {
        "alert_id": "a",
        "entity": "slo:checkout",
        "signal": f"slo:{slo}",
        "labels": {"slo": slo},
        "state": "resolved",
        "priority": "P0",
        "severity": "critical",
        "started_ms": MIDNIGHT_MS,
        "peak_score": 2.0,
        "observed": 1.0,
        "confidence": 1.0,
        "summary": "burns",
    }
    fields = {"entities": ["slo:checkout"], "signals": ["slo"], "confidence": 1.0, "revision": revision}
    times = {"started_ms": MIDNIGHT_MS, "updated_ms": updated_ms}
    times |= {"resolved_ms": updated_ms, "ended_ms": updated_ms} if state == "resolved" else {}
    head = {"id": f"i{number}", "tenant": "default", "state": state, "title": "Burns", "priority": "P0"}
    return Incident.model_validate({**head, "severity": "critical", "members": [member], **times, **fields})
