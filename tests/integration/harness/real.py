"""The real flow: raw JSON in, incidents out; and what it must make of a log, worked out in one process."""

from __future__ import annotations

import json
import random
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.stage import TickSettings
from agents.worker import WorkerSettings
from incidents.decide import DecideOperator, DecideSettings
from integrations.gateway import IngestSettings
from integrations.gateway.settings import SourceSettings
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from metrics_ai.recordings import RecordingOptions, RecordingReader
from models.detect import DetectOperator, DetectSettings
from schemas.batch import encode_batch
from schemas.events import Tick
from schemas.incident_events import Alert, Incident
from schemas.topics import ALERTS, ANOMALIES, DECIDE_TICKS, INCIDENTS, SAMPLES
from streams.operator import Output
from tests.integration.harness.log import BrokerLog
from tests.integration.harness.traffic import Message

HOSTS = 12
STEP_MS = 10_000
# Far enough back that hours of event time pass in seconds without reaching the present.
BACK_MS = 5 * 86_400_000


def detect_settings() -> DetectSettings:
    return DetectSettings(windows={"5m": {"warmup_s": 120}})  # type: ignore[dict-item]  # validated into one


def decide_settings() -> DecideSettings:
    """Without patterns of clusters: these are found at ticks, so when one begins depends on when those come."""
    return DecideSettings(pattern_nodes=100_000)


def stage_settings(kafka: KafkaSettings) -> WorkerSettings:
    ticks = TickSettings(detect_interval_s=1)
    return WorkerSettings(kafka, ticks=ticks, detect=detect_settings(), decide=decide_settings())


def raw_topic(kafka: KafkaSettings) -> str:
    """Producers' topics get no prefix from us; a trial's has one all the same."""
    return f"{kafka.topic_prefix}raw"


def ingest_settings(kafka: KafkaSettings) -> IngestSettings:
    return IngestSettings(sources=[SourceSettings(topic=raw_topic(kafka), format="native")], linger_ms=50)


def run_gateway(config: dict[str, Any], stop: threading.Event) -> None:
    from integrations.gateway.gateway import Gateway

    kafka = KafkaSettings(**config["kafka"])
    telemetry = Telemetry("ingest")
    status = Path(config["status"])

    def tell() -> None:
        part = status.with_suffix(".part")
        while True:
            part.write_text(json.dumps({"at": time.monotonic(), "ready": telemetry.is_ready, "partitions": {}}))
            part.replace(status)
            time.sleep(0.01)

    threading.Thread(target=tell, daemon=True).start()
    Gateway(ingest_settings(kafka), kafka, telemetry).run(stop)


def raw_messages(kafka: KafkaSettings, seed: int) -> Iterator[Message]:
    """Hosts that report every ten seconds of event time, keyed by host, and break down now and then."""
    chance = random.Random(seed)
    start_ms = (int(time.time() * 1000) - BACK_MS) // STEP_MS * STEP_MS
    broken_until = [0] * HOSTS
    breakdowns = [0] * HOSTS
    step = 0
    while True:
        at_ms = start_ms + step * STEP_MS
        for host in range(HOSTS):
            if step > 60 and broken_until[host] < step - 60 and chance.random() < 0.004:
                broken_until[host] = step + chance.randrange(8, 40)
                breakdowns[host] += 1
            values = _values(host, chance, broken=step < broken_until[host])
            yield _report(raw_topic(kafka), host, at_ms, values | _urgent(host, breakdowns[host], values))
        step += 1


def _values(host: int, chance: random.Random, broken: bool) -> dict[str, float]:
    return {
        "node_cpu_ratio": 0.97 + chance.gauss(0, 0.005) if broken else 0.30 + chance.gauss(0, 0.02),
        "node_load1": 24 + chance.gauss(0, 0.5) if broken and host % 2 else 2 + chance.gauss(0, 0.2),
    }


def _urgent(host: int, breakdowns: int, values: dict[str, float]) -> dict[str, float]:
    """What pages: of every third host a disk that fills while it is broken (P1), of another a kill for memory (P0)."""
    if host % 3 == 0:
        return {"node_filesystem_used_ratio": values["node_cpu_ratio"]}
    return {"node_oom_kills_total": float(breakdowns)} if host % 3 == 1 else {}


def _report(topic: str, host: int, at_ms: int, values: dict[str, float]) -> Message:
    labels = {"cluster": "c1", "node": f"h{host}"}
    body = [
        {
            "metric": name,
            "value": round(value, 6),
            "timestamp": at_ms,
            "labels": labels,
            "type": "counter" if name.endswith("_total") else "gauge",
        }
        for name, value in values.items()
    ]
    key = f"h{host}".encode()
    return Message(topic, zlib.crc32(key) % 2, key, json.dumps(body).encode(), at_ms)


@dataclass
class Outcome:
    """What was found, in the terms in which runs must agree."""

    anomalies: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    alerts: dict[str, Alert] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)

    @classmethod
    def on(cls, log: BrokerLog) -> Outcome:
        """What lies on the topics."""
        outcome = cls()
        for topic in (ANOMALIES, ALERTS, INCIDENTS):
            for records in log.records(topic).values():
                for record in records:
                    outcome.take(topic.name, dict(record.headers)["ce_id"].decode(), record.value or b"")
        return outcome

    def take(self, topic: str, identity: str, value: bytes) -> None:
        if topic == ANOMALIES.name:
            self.anomalies[identity].add(value)
        elif topic == ALERTS.name:
            alert = Alert.from_bytes(value)
            self.alerts[alert.id] = alert
        elif topic == INCIDENTS.name:
            incident = Incident.from_bytes(value)
            self.incidents[incident.id] = incident

    def final_alerts(self) -> set[tuple[Any, ...]]:
        return {(a.id, a.state, a.started_ms, a.ended_ms, a.peak_score, a.priority) for a in self.alerts.values()}

    def final_incidents(self) -> set[tuple[Any, ...]]:
        return {
            (_members(i), i.state, i.started_ms, i.ended_ms, i.priority, *_paged(i))
            for i in self.incidents.values()
            if i.state != "merged"
        }

    def final_priorities(self) -> set[str]:
        return {i.priority for i in self.incidents.values() if i.page_keys}

    def differences(self, expected: Outcome) -> list[str]:
        """What is wrong, as sentences; empty if nothing is."""
        found = []
        if not (expected.anomalies and expected.final_alerts() and expected.final_incidents()):
            found.append("the reference is empty, nothing was compared")
        if missing := {"P0", "P1"} - expected.final_priorities():
            found.append(f"the reference has no page of {sorted(missing)}")
        for name, ours, theirs in (
            ("anomalies", set(self.anomalies), set(expected.anomalies)),
            ("alerts", self.final_alerts(), expected.final_alerts()),
            ("incidents", self.final_incidents(), expected.final_incidents()),
        ):
            if theirs - ours:
                found.append(
                    f"{name}: {len(theirs - ours)} of {len(theirs)} lost: {sorted(map(str, theirs - ours))[:2]}"
                )
            if ours - theirs:
                found.append(f"{name}: {len(ours - theirs)} invented: {sorted(map(str, ours - theirs))[:2]}")
        changed = [one for one in self.anomalies if self.anomalies[one] != expected.anomalies.get(one, set())]
        if changed:
            found.append(f"anomalies: {len(changed)} differ in value")
        return found


def _members(incident: Incident) -> frozenset[str]:
    return frozenset(member.alert_id for member in incident.members)


def _paged(incident: Incident) -> tuple[frozenset[str], bool]:
    """The keys of its safety alerts, and whether one of an incident is among its keys.

    Which incident's it is depends on who came first, and is nothing in which runs must agree.
    """
    keys = frozenset(incident.page_keys)
    return keys & _members(incident), bool(keys - _members(incident))


def reference(raw: Sequence[bytes], folder: Path, last_tick_ms: int) -> Outcome:
    """The outcome of an undisturbed run over the raw messages, in one process."""
    path = folder / "raw.jsonl"
    path.write_bytes(b"\n".join(raw) + b"\n")
    outcome = Outcome()
    detect = DetectOperator(detect_settings(), 0, 1)
    anomalies: list[Output] = []
    for piece in RecordingReader(RecordingOptions(), "default").read([path]):
        if piece.batch is not None:
            outputs = detect.step(SAMPLES.name, encode_batch(piece.batch))
            anomalies += [one for one in outputs if one.topic is ANOMALIES]
    decide = DecideOperator(decide_settings(), 0, 1)
    for output in anomalies:
        outcome.take(output.topic.name, output.id, output.value)
        _take_all(outcome, decide.step(ANOMALIES.name, output.value))
    tick = Tick(stage="decide", partition=0, at_ms=last_tick_ms)
    _take_all(outcome, decide.step(DECIDE_TICKS.name, tick.to_bytes()))
    return outcome


def _take_all(outcome: Outcome, outputs: Sequence[Output]) -> None:
    for output in outputs:
        outcome.take(output.topic.name, output.id, output.value)
