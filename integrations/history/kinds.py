"""What is kept of each topic: which rows, of which identity, in which columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pyarrow as pa

from incidents.lifecycle import LIVING
from integrations.project.sink import Record
from schemas.incident_events import Incident
from schemas.slo_events import SloAlert, SloStatus
from schemas.topics import DAY_MS, INCIDENTS, SLO_ALERTS, SLO_STATUS, Topic

PERIODS: Final = ("daily", "weekly", "monthly", "own")
_FIGURES: Final = (
    "good",
    "bad",
    "total",
    "unknown",
    "compliance",
    "consumed",
    "remaining",
    "remaining_of_period",
)
_SPENDER: Final = pa.struct([("who", pa.string()), ("bad", pa.float64()), ("of_budget", pa.float64())])
_WINDOW: Final = pa.struct(
    [
        ("window_s", pa.int64()),
        ("bad", pa.float64()),
        ("total", pa.float64()),
        ("error_ratio", pa.float64()),
        ("burn_rate", pa.float64()),
    ]
)
_EXHAUSTION: Final = pa.struct([(name, pa.float64()) for name in ("p50_s", "low_80_s", "high_80_s")])
_HEAD: Final = [("tenant", pa.string())]
_TAIL: Final = [("partition", pa.int32()), ("offset", pa.int64())]


class Row(NamedTuple):
    """A row of history.

    Parameters
    ----------
    tenant, day
        In which folder it lies; the day is counted since the epoch.
    identity
        What it is about: of two rows of one identity the newer counts.
    version
        The larger is the newer.
    values
        Its columns.
    """

    tenant: str
    day: int
    identity: tuple[str | int, ...]
    version: tuple[int, ...]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of history.

    Parameters
    ----------
    name
        Of its folder.
    topic
        What it is made from.
    schema
        Its columns.
    identity, version
        The columns that say what a row is about, and which of two such rows is the newer.
    time
        The column by which a time is cut off: of the status of a minute the minute's end.
    read
        Event time and columns of a record, or None where there is nothing to keep of it.
    """

    name: str
    topic: Topic
    schema: pa.Schema
    identity: tuple[str, ...]
    version: tuple[str, ...]
    time: str
    read: Callable[[Record], tuple[int, dict[str, Any]] | None]

    def row(self, record: Record) -> Row | None:
        """The row of a record; None where there is nothing to keep of it.

        Raises
        ------
        SchemaError, NewerVersionError
            If it cannot be read.
        """
        found = self.read(record)
        if found is None:
            return None
        at_ms, values = found
        values |= {"partition": record.partition, "offset": record.offset}
        identity = tuple(values[name] for name in self.identity)
        version = tuple(values[name] for name in self.version)
        return Row(values["tenant"], day_of(at_ms), identity, version, values)


def day_of(at_ms: int) -> int:
    """The day that an event time ends: midnight is the end of a day, not the start of the next."""
    return (at_ms - 1) // DAY_MS


def status_kind(every_s: int) -> Kind:
    """How objectives stood: the last status of every so many seconds.

    One at 12:01:00 is the last of its minute: it tells of the slices before it.
    """
    every_ms = every_s * 1000

    def read(record: Record) -> tuple[int, dict[str, Any]] | None:
        if not record.value:  # the objective is gone
            return None
        status = SloStatus.from_bytes(record.value)
        return status.at_ms, status_values(status) | {"until_ms": -(-status.at_ms // every_ms) * every_ms}

    schema = pa.schema([*_HEAD, *_status_columns(), ("until_ms", pa.int64()), *_TAIL])
    return Kind("status", SLO_STATUS, schema, ("tenant", "slo", "until_ms"), ("at_ms", "offset"), "until_ms", read)


def _status_columns() -> list[tuple[str, pa.DataType]]:
    columns = [
        ("slo", pa.string()),
        ("service", pa.string()),
        ("at_ms", pa.int64()),
        ("target", pa.float64()),
        ("no_data", pa.bool_()),
        ("sla", pa.float64()),
        ("sla_remaining", pa.float64()),
    ]
    for period in PERIODS:
        columns += [(f"{period}_{name}", pa.int64()) for name in ("start_ms", "end_ms", "since_ms")]
        columns += [(f"{period}_{name}", pa.float64()) for name in _FIGURES]
    columns += [("burn", pa.list_(_WINDOW)), ("exhausted_in", _EXHAUSTION)]
    return [*columns, ("spenders", pa.list_(_SPENDER)), ("firing", pa.list_(pa.string()))]


def status_values(status: SloStatus) -> dict[str, Any]:
    """A status as columns."""
    body = status.model_dump(exclude={"v", "slice_s", "budgets", "open"})
    for budget in status.budgets:
        figures = budget.model_dump(exclude={"period"})
        body |= {f"{budget.period}_{name}": value for name, value in figures.items()}
    return body


def status_of(values: Mapping[str, Any]) -> SloStatus:
    """The status that columns were made of."""
    budgets = []
    for period in PERIODS:
        names = ("start_ms", "end_ms", "since_ms", *_FIGURES)
        figures = {name: values[f"{period}_{name}"] for name in names}
        if figures["start_ms"] is not None:
            budgets.append({"period": period, **figures})
    given = {name: value for name, value in values.items() if value is not None and name in SloStatus.model_fields}
    return SloStatus.model_validate({**given, "budgets": budgets})


def _alert(record: Record) -> tuple[int, dict[str, Any]]:
    alert = SloAlert.from_bytes(record.value)
    names = {"id", "tenant", "slo", "service", "alert", "kind", "state", "priority", "started_ms", "at_ms"}
    return alert.at_ms, alert.model_dump(include=names | {"burn_rate", "budget_left"}) | {
        "body": alert.to_bytes().decode()
    }


def _incident(record: Record) -> tuple[int, dict[str, Any]] | None:
    """An incident that is over; one that opens again is told again when that is over."""
    if record.value is None:
        return None
    incident = Incident.from_bytes(record.value)
    if incident.state in LIVING:
        return None
    names = {"id", "tenant", "state", "merged_into", "title", "priority", "severity", "revision"}
    times = {"started_ms", "updated_ms", "ended_ms", "resolved_ms"}
    # A series may have a label of that name, too; the alert of an objective has it as its signal.
    named = ((one.signal, one.labels.get("slo", "")) for one in incident.members)
    slos = sorted({slo for signal, slo in named if slo and signal == f"slo:{slo}"})
    return incident.updated_ms, incident.model_dump(include=names | times) | {
        "slos": slos,
        "body": incident.to_bytes().decode(),
    }


ALERTS: Final = Kind(
    "alerts",
    SLO_ALERTS,
    pa.schema(
        [
            *_HEAD,
            *((name, pa.string()) for name in ("id", "slo", "service", "alert", "kind", "state", "priority")),
            *((name, pa.int64()) for name in ("started_ms", "at_ms")),
            *((name, pa.float64()) for name in ("burn_rate", "budget_left")),
            ("body", pa.string()),
            *_TAIL,
        ]
    ),
    ("tenant", "id", "at_ms", "state"),
    ("offset",),
    "at_ms",
    _alert,
)
ENDED_INCIDENTS: Final = Kind(
    "incidents",
    INCIDENTS,
    pa.schema(
        [
            *_HEAD,
            *((name, pa.string()) for name in ("id", "state", "merged_into", "title", "priority", "severity")),
            *((name, pa.int64()) for name in ("started_ms", "updated_ms", "ended_ms", "resolved_ms", "revision")),
            ("slos", pa.list_(pa.string())),
            ("body", pa.string()),
            *_TAIL,
        ]
    ),
    ("tenant", "id"),
    ("updated_ms", "revision", "offset"),
    "updated_ms",
    _incident,
)


def kinds_of(status_every_s: int) -> tuple[Kind, ...]:
    """Everything that is kept."""
    return (status_kind(status_every_s), ALERTS, ENDED_INCIDENTS)
