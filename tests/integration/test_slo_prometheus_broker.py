"""The way of statuses from the broker to a real Prometheus, through kills of ours and an outage of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics
from integrations.prometheus import SloMetrics, SloRemoteWrite
from integrations.telemetry import Telemetry
from schemas.topics import SLO_STATUS
from slo.remote_write_settings import RemoteWriteSettings
from tests.integration.gateways import await_until, producer
from tests.integration.tsdbs import Tsdb
from tests.unit.integrations.prometheus.statuses import opened, status

projector = pytest.importorskip("integrations.project.projector")

TENANTS = ("ann", "bob", "cyd")
STEP_MS = 2000
KILLS = 3

_PROGRAM = """
import sys, threading
from integrations.kafka import KafkaSettings
from integrations.project.projector import Projector
from integrations.prometheus import SloRemoteWrite
from integrations.telemetry import Telemetry
from slo.remote_write_settings import RemoteWriteSettings
telemetry = Telemetry("project")
sink = SloRemoteWrite(RemoteWriteSettings(url=sys.argv[1], every_s=1), telemetry)
Projector([sink], KafkaSettings.model_validate_json(sys.argv[2]), telemetry).run(threading.Event())
"""


def _prepared(broker: KafkaSettings, prefix: str) -> KafkaSettings:
    kafka = broker.model_copy(update={"topic_prefix": prefix, "partitions": 2, "session_timeout_s": 1.0})
    create_topics(kafka, (SLO_STATUS,), [])
    return kafka


class Told(threading.Thread):
    """Statuses of three tenants, one after the other, until it is stopped."""

    def __init__(self, kafka: KafkaSettings, start_ms: int) -> None:
        super().__init__(daemon=True)
        self.kafka, self.start_ms, self.steps, self.over = kafka, start_ms, 0, threading.Event()

    def run(self) -> None:
        sender = producer(self.kafka)
        while not self.over.wait(0.05):
            for number, tenant in enumerate(TENANTS):
                told = status(self.start_ms + self.steps * STEP_MS, tenant=tenant, target=0.5 + self.steps / 10_000)
                sender.produce(self.kafka.topic(SLO_STATUS), told.to_bytes(), told.key, number % 2)
            self.steps += 1
        assert sender.flush(30) == 0


@pytest.mark.kafka
def test_kills_of_ours_and_an_outage_of_prometheus_lose_no_sample(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    kafka = _prepared(apache_kafka, "written.")
    start_ms = (int(time.time()) - 3000) * 1000
    told = Told(kafka, start_ms)
    with Tsdb("prometheus", tmp_path) as tsdb:

        def samples(tenant: str) -> dict[float, float]:
            selector = f'slo:objective:ratio{{tenant="{tenant}"}}'
            at_s = time.time() + 3600
            return tsdb.samples(selector, at_s) if tsdb.query(f"count_over_time({selector}[1d])", at_s) else {}

        command = [sys.executable, "-c", _PROGRAM, tsdb.write_url, kafka.model_dump_json()]
        told.start()
        for kill in range(KILLS + 1):
            seen = len(samples("ann"))
            process = subprocess.Popen(command)
            try:
                await_until(lambda seen=seen: len(samples("ann")) > seen, "more samples")
                if kill == 1:
                    tsdb.stop()
                    time.sleep(2)
                    tsdb.start()
                if kill == KILLS:
                    told.over.set()
                    told.join()
                    await_until(lambda: all(len(samples(one)) == told.steps for one in TENANTS), "all samples")
            finally:
                process.kill()
                process.wait()
        for tenant in TENANTS:
            found = {round(1000 * at_s): value for at_s, value in samples(tenant).items()}
            assert found == {start_ms + n * STEP_MS: pytest.approx(0.5 + n / 10_000) for n in range(told.steps)}


def test_both_ways_out_stand_beside_each_other_in_one_worker(any_broker: KafkaSettings, tmp_path: Path) -> None:
    kafka = _prepared(any_broker, "both.")
    at_ms = int(time.time()) * 1000
    sender, told = producer(kafka), status(at_ms, firing=["page-quick"], open=[opened()])
    sender.produce(kafka.topic(SLO_STATUS), told.to_bytes(), told.key, 0)
    assert sender.flush(30) == 0
    telemetry, stop = Telemetry("project"), threading.Event()
    with Tsdb("prometheus", tmp_path) as tsdb:
        metrics = SloMetrics(telemetry)
        written = SloRemoteWrite(RemoteWriteSettings(url=tsdb.write_url, every_s=1), telemetry)
        running = projector.Projector([metrics, written], kafka, telemetry)
        thread = threading.Thread(target=running.run, args=(stop,))
        thread.start()
        try:
            expr = 'metrics_ai_slo_alert_firing{slo="checkout",alert="page-quick",priority="P0"}'
            await_until(lambda: len(tsdb.query(expr, at_ms / 1000 + 1)) == 1, "what is written")
            await_until(lambda: "slo:objective:ratio" in {one.name for one in metrics.collect()}, "what is served")
        finally:
            stop.set()
            thread.join(30)
        assert not thread.is_alive()
        assert list(metrics.collect()) == []
