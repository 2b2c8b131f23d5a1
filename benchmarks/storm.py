"""A storm: 10,000 alerts in a minute, of 1,000 nodes and 20 causes; ours, and Alertmanager with the same alerts.

Samples of all nodes come every five seconds. A cause is a service whose fifty nodes break one after the other within
three seconds: ten metrics of each cross their limits, the first of which pages. Real workers of detect, decide, route
and notify read them from a broker. Beside them the same alerts are pushed to an Alertmanager as Prometheus would push
them, grouped by service, the best that it could be told; its webhook counts what it sends.

``python -m benchmarks.storm`` prints JSON.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.log_reader import LogReader
from benchmarks import broker
from benchmarks.workers import PARTITIONS, Workers, working
from integrations.kafka.connection import KafkaSettings
from integrations.kafka.process import free_port
from schemas.batch import SampleBatch, encode_batch
from schemas.ids import partition_of
from schemas.incident_events import Alert, Incident
from schemas.notification_events import Notification
from schemas.series import Series
from schemas.topics import ALERTS, INCIDENTS, NOTIFICATIONS, SAMPLES, Topic

CAUSES: Final = 20
NODES: Final = 50
METRICS: Final = 10
STORM_S: Final = 60.0
WARM_S: Final = 15.0
AFTER_S: Final = 40.0
SPREAD_S: Final = 3.0
EVERY_S: Final = 5.0
ROLES: Final = ("detect", "decide", "route", "notify")
TENANT: Final = "default"

Numbers = dict[str, float | int | str]

ROUTES = """
route: {receiver: pager, group_by: [incident_id], group_wait: 30s, group_interval: 5m}
receivers: [{name: pager, webhook_configs: [{url: URL}]}]
fatigue: {tenant_per_minute: 100000, team_per_minute: 100000}
"""
ALERTMANAGER = """
route: {receiver: pager, group_by: [service], group_wait: 30s, group_interval: 5m}
receivers: [{name: pager, webhook_configs: [{url: URL}]}]
"""


class Fleet:
    """Nodes by service, and when each breaks, seconds after the storm began."""

    def __init__(self) -> None:
        self.nodes = [(cause, f"s{cause}-n{number}") for cause in range(CAUSES) for number in range(NODES)]
        chance = np.random.default_rng(7)
        begin = np.repeat(np.arange(CAUSES) * (STORM_S - SPREAD_S) / CAUSES, NODES)
        self.breaks_s = begin + chance.uniform(0, SPREAD_S, len(self.nodes))
        self.series = [
            [
                Series(TENANT, f"m{metric}", {"node": node, "service": f"s{cause}"}, {"node": node})
                for metric in range(METRICS)
            ]
            for cause, node in self.nodes
        ]
        self.partitions = [partition_of(f"{TENANT}/{one[0].entity}", PARTITIONS) for one in self.series]

    def batches(self, numbers: list[int], at_ms: int, elapsed_s: float) -> Iterator[tuple[int, bytes]]:
        """What nodes tell at a time, by partition."""
        of: dict[int, list[int]] = defaultdict(list)
        for number in numbers:
            of[self.partitions[number]].append(number)
        for partition, some in of.items():
            series = [one for number in some for one in self.series[number]]
            broken = np.repeat(self.breaks_s[some] <= elapsed_s, METRICS)
            ids = np.array([one.id for one in series], np.uint64)
            rows = np.arange(len(series), dtype=np.int32)
            times = np.full(len(series), at_ms, np.int64)
            texts = [one.text for one in series]
            yield partition, encode_batch(SampleBatch(TENANT, ids, texts, rows, times, np.where(broken, 1.0, 0.1)))


def rules() -> list[dict[str, Any]]:
    """A limit a metric: the first pages at any hour, the others are what goes with it."""
    return [
        {
            "name": "ServiceDown" if metric == 0 else f"Broken{metric}",
            "select": f"m{metric}",
            "threshold": 0.5,
            "priority": "P0" if metric == 0 else "P2",
            "severity": "critical" if metric == 0 else "warning",
        }
        for metric in range(METRICS)
    ]


def pace(kafka: KafkaSettings, fleet: Fleet) -> dict[str, float]:
    """Send samples: every node in turn every five seconds, and at once when it breaks.

    Returns when each node's first broken sample was sent, seconds since the epoch.
    """
    producer = Producer(kafka.librdkafka(linger_ms=5))
    begin = time.monotonic()
    turn, broken = 0, 0
    order = np.argsort(fleet.breaks_s)
    sent: dict[str, float] = {}
    while (elapsed := time.monotonic() - begin) < WARM_S + STORM_S:
        storm_s = elapsed - WARM_S
        until = int(elapsed / EVERY_S * len(fleet.nodes))
        numbers = [number % len(fleet.nodes) for number in range(turn, until)]
        turn = until
        while broken < len(order) and fleet.breaks_s[order[broken]] <= storm_s:
            numbers.append(int(order[broken]))
            sent[fleet.nodes[order[broken]][1]] = time.time()
            broken += 1
        for partition, value in fleet.batches(sorted(set(numbers)), int(time.time() * 1000), storm_s):
            producer.produce(kafka.topic(SAMPLES), value, TENANT.encode(), partition)
        producer.poll(0)
        time.sleep(0.05)
    producer.flush(30)
    return sent


class Pager(contextlib.AbstractContextManager["Pager"]):
    """A webhook that counts what it is sent, by service."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                services = {one["labels"].get("service", "") for one in body["alerts"]}
                pager.told.update(services)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def ours(folder: Path) -> Numbers:
    """The storm through our stages."""
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(broker.running(folder))
        pager = stack.enter_context(Pager())
        routes = folder / "routes.yaml"
        routes.write_text(ROUTES.replace("URL", pager.url))
        detect = {"rules": rules(), "shipped_rules": False}
        workers = Workers(running, folder, {}, {"detect": detect, "routing": {"file": str(routes)}})
        stack.enter_context(working(workers, list(ROLES)))
        before = _cpu(workers)
        outbox = Outbox(workers.kafka)
        outbox.start()
        sent = pace(workers.kafka, Fleet())
        time.sleep(AFTER_S)
        waits = _waits(outbox.stop(), sent)
        spent = {role: seconds - before[role] for role, seconds in _cpu(workers).items()}
        rss = {role: psutil.Process(child.pid).memory_info().rss for role, child in workers.children.items()}
        numbers = _judge(workers.kafka)
        told = dict(pager.told)
    of_ours = [role for role in ROLES if role != "detect"]
    return numbers | {
        "storm_sample_to_outbox_p95_s": round(float(np.percentile(waits, 95)), 2),
        "storm_pages": len(waits),
        "storm_notifications_per_cause_max": max(told.values(), default=0),
        "storm_causes_told": len(told),
        "storm_cpu_s": round(sum(spent[role] for role in of_ours), 1),
        "storm_rss_mib": round(sum(rss[role] for role in of_ours) / 2**20),
    }


def _cpu(workers: Workers) -> dict[str, float]:
    return {role: sum(psutil.Process(child.pid).cpu_times()[:2]) for role, child in workers.children.items()}


def _records(kafka: KafkaSettings, topic: Topic) -> list[tuple[int, bytes]]:
    """Values of a topic, each with its partition."""
    reader = LogReader(kafka, committed=kafka.profile == "kafka")
    found = reader.to_end(kafka.topic(topic), range(kafka.partitions))
    return [(one.partition, one.value) for one in found if one.value]


def _judge(kafka: KafkaSettings) -> Numbers:
    """What the topics say of the storm."""
    alerts = {one.id: one for one in (Alert.from_bytes(value) for _, value in _records(kafka, ALERTS))}
    alerts = {key: one for key, one in alerts.items() if one.labels["alertname"].startswith(("Service", "Broken"))}
    incidents = {one.id: one for one in (Incident.from_bytes(value) for _, value in _records(kafka, INCIDENTS))}
    homes = {key: _survivor(incidents, one.incident_id) for key, one in alerts.items()}
    by_cause: dict[str, Counter[str]] = defaultdict(Counter)
    by_home: dict[str, Counter[str]] = defaultdict(Counter)
    for key, one in alerts.items():
        by_cause[one.labels["service"]][homes[key]] += 1
        by_home[homes[key]][one.labels["service"]] += 1
    right = 0
    for cause, found in by_cause.items():
        home, count = found.most_common(1)[0]
        right += count if by_home[home].most_common(1)[0][0] == cause else 0
    print(f"  {len(alerts)} alerts, {right / max(1, len(alerts)):.1%} in the right incident", flush=True)
    return {
        "storm_alerts": len(alerts),
        "storm_right_ratio": round(right / max(1, len(alerts)), 4),
        "storm_incidents": len(set(homes.values())),
    }


def _survivor(incidents: dict[str, Incident], incident_id: str | None) -> str:
    found = incident_id or ""
    while (one := incidents.get(found)) is not None and one.merged_into:
        found = one.merged_into
    return found


def _waits(told: list[tuple[float, bytes]], sent: dict[str, float]) -> list[float]:
    """Seconds from the sample that broke a limit to the record of the outbox that opens its page."""
    waits = []
    for at_s, value in told:
        one = Notification.from_bytes(value)
        nodes = [alert.labels["node"] for alert in one.alerts if alert.labels.get("node") in sent]
        if one.action == "open" and nodes:
            waits.append(at_s - min(sent[node] for node in nodes))
    return waits


class Outbox(threading.Thread):
    """Reads the outbox as it is written, and when each record could be read."""

    def __init__(self, kafka: KafkaSettings) -> None:
        super().__init__(daemon=True)
        self.told: list[tuple[float, bytes]] = []
        self._over = threading.Event()
        options = {"group_id": "bench-storm", "isolation_level": "read_committed", "fetch_wait_max_ms": 10}
        self._consumer = Consumer(kafka.librdkafka(**options))
        name = kafka.topic(NOTIFICATIONS)
        self._consumer.assign([TopicPartition(name, number, 0) for number in range(kafka.partitions)])

    def run(self) -> None:
        """Read until told to stop."""
        while not self._over.is_set():
            for message in self._consumer.consume(100, 0.02):
                if message.error() is None:
                    self.told.append((time.time(), message.value()))
        self._consumer.close()

    def stop(self) -> list[tuple[float, bytes]]:
        """What was read."""
        self._over.set()
        self.join()
        return self.told


def alertmanager(folder: Path) -> Numbers:
    """The same alerts, pushed to an Alertmanager as a Prometheus would: each that fires, every five seconds."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        print("  no Alertmanager here", flush=True)
        return {}
    fleet, port = Fleet(), free_port()
    with Pager() as pager:
        config = folder / "alertmanager.yaml"
        config.write_text(ALERTMANAGER.replace("URL", pager.url))
        options = [f"--config.file={config}", f"--storage.path={folder / 'am'}", "--cluster.listen-address="]
        process = subprocess.Popen(
            [program, *options, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _push(fleet, f"http://127.0.0.1:{port}")
            running = psutil.Process(process.pid)
            spent, rss = sum(running.cpu_times()[:2]), running.memory_info().rss
        finally:
            process.terminate()
            process.wait()
    return {
        "storm_alertmanager_notifications_per_cause_max": max(pager.told.values(), default=0),
        "storm_alertmanager_causes_told": len(pager.told),
        "storm_alertmanager_cpu_s": round(spent, 1),
        "storm_alertmanager_rss_mib": round(rss / 2**20),
    }


def _push(fleet: Fleet, url: str) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        _await_ready(client)
        begin = time.monotonic()
        while (elapsed := time.monotonic() - begin) < STORM_S + AFTER_S:
            firing = [number for number, at_s in enumerate(fleet.breaks_s) if at_s <= elapsed]
            body = [
                {"labels": {"alertname": f"Broken{metric}", "node": node, "service": f"s{cause}"}}
                for cause, node in (fleet.nodes[number] for number in firing)
                for metric in range(METRICS)
            ]
            for at in range(0, len(body), 500):
                client.post("/api/v2/alerts", json=body[at : at + 500]).raise_for_status()
            time.sleep(max(0.0, EVERY_S - (time.monotonic() - begin - elapsed)))


def _await_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if client.get("/-/ready").is_success:
                return
        time.sleep(0.1)
    raise RuntimeError("the Alertmanager does not start")


def measure() -> Numbers:
    """Both, one after the other."""
    with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as name:
        return ours(Path(name)) | alertmanager(Path(name))


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
