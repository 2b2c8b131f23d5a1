"""State as bytes: a block an alert, an incident, a change, a command that was done, a node, the clock, the correlation.

Blocks are small msgpack maps with a version. None in place of a block means that what had this key is gone. An alert's
block names the incident that it first joined, an incident's its aliases: so a merge rewrites two blocks, not thousands.
"""

from __future__ import annotations

from typing import Any, Final

from incidents.alerts import AlertRecord
from incidents.anomalies import AnomalyFinding
from incidents.finding import Finding
from incidents.incident import IncidentRecord
from incidents.objectives import SloFinding
from incidents.packing import pack, unpack
from incidents.patterns import Pattern
from incidents.posted import PostedFinding, PostedState
from incidents.rules.book import Verdict
from schemas.change_events import NearestChange
from schemas.events import Anomaly
from schemas.incident_events import Acknowledgement
from schemas.slo_events import SloAlert

ALERT: Final = "alert/"
INCIDENT: Final = "incident/"
CHANGE: Final = "change/"
COMMAND: Final = "command/"
NODE: Final = "node/"
CLOCK: Final = "clock"
CORRELATION: Final = "correlation"
_SAME: Final = b""

_ALERT_FIELDS = (
    "safety",
    "severity",
    "peak_score",
    "end_ms",
    "expired_ms",
    "back_ms",
    "detected_ms",
    "home",
    "page_key",
    "digest",
)
_INCIDENT_FIELDS = (
    "id",
    "tenant",
    "started_ms",
    "priority",
    "severity",
    "state",
    "updated_ms",
    "last_end_ms",
    "resolved_ms",
    "forgotten",
    "aliases",
    "page_keys",
    "threads",
    "apart",
    "crowded",
    "detected_ms",
    "closed_ms",
    "acknowledged_ms",
    "mitigated_ms",
    "revision",
    "digest",
    "pending",
)


def pack_alert(record: AlertRecord) -> bytes:
    """The block of an alert."""
    worst = _SAME if record.worst is record.latest else record.worst.event.to_bytes()
    change = None if record.change is None else record.change.model_dump_json(exclude_none=True).encode()
    fields = {name: getattr(record, name) for name in _ALERT_FIELDS}
    verdict = record.verdict.model_dump_json(exclude_defaults=True).encode()
    told = {"latest": record.latest.event.to_bytes(), "worst": worst, "change": change, "verdict": verdict, **fields}
    if isinstance(record.latest, SloFinding):
        told["objective"] = _pack_objective(record)
    if record.recent is not None:
        told["recent"] = record.recent
    return pack({**told, "source": record.latest.source})


def unpack_alert(value: bytes) -> AlertRecord:
    """The alert of a block."""
    body = unpack(value)
    objective = body.pop("objective", None)
    # A block of an older release names no source.
    source = body.pop("source", "slo" if objective else "anomaly")
    # Nor what rules made of it: its priority stands.
    old = {"priority": body.pop("priority", None), "at_ms": 0}
    verdict = Verdict.model_validate_json(told) if (told := body.pop("verdict", None)) else Verdict(**old)
    record = AlertRecord.of(_finding(body.pop("latest"), source), objective and objective["labels"], verdict)
    worst = body.pop("worst")
    if worst:
        record.worst = _finding(worst, source)
    if objective:
        record.since_ms, record.spenders = objective["since_ms"], frozenset(objective["spenders"])
    change = body.pop("change", None)
    if change:
        record.change = NearestChange.model_validate_json(change)
    recent = body.pop("recent", None)
    if recent:
        record.recent = recent[0], tuple((at_ms, value) for at_ms, value in recent[1])
    for name in _ALERT_FIELDS:
        setattr(record, name, body.get(name, getattr(record, name)))
    return record


def _pack_objective(record: AlertRecord) -> dict[str, Any]:
    """What its newest state may not tell: its labels, where the definition has changed since, and what was joined."""
    return {"labels": record.labels, "since_ms": record.since_ms, "spenders": sorted(record.spenders)}


def _finding(value: bytes, source: str) -> Finding[Any]:
    match source:
        case "slo":
            return SloFinding(SloAlert.from_bytes(value))
        case "posted":
            return PostedFinding(PostedState.from_bytes(value))
        case _:
            return AnomalyFinding(Anomaly.from_bytes(value))


def pack_incident(incident: IncidentRecord) -> bytes:
    """The block of an incident, its members aside (they name it)."""
    fields = {name: getattr(incident, name) for name in _INCIDENT_FIELDS}
    if incident.acknowledged is not None:
        fields["acknowledged"] = incident.acknowledged.model_dump()
    fields["patterns"] = [[*crowd, *known] for crowd, known in sorted(incident.patterns.items())]
    fields["patterns_gone"] = [[*crowd, *gone] for crowd, gone in sorted(incident.patterns_gone.items())]
    return pack(fields)


def unpack_incident(value: bytes) -> IncidentRecord:
    """The incident of a block, without its members yet."""
    body = unpack(value)
    care = body.pop("acknowledged", None)
    body["patterns"] = {(cluster, signal): Pattern(*told) for cluster, signal, *told in body.get("patterns", ())}
    gone = body.get("patterns_gone", ())
    body["patterns_gone"] = {(cluster, signal): tuple(names) for cluster, signal, *names in gone}
    incident = IncidentRecord(**body, acknowledged=care and Acknowledgement(**care))
    if "threads" not in body:
        incident.find_threads()
    return incident
