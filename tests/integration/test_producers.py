"""Real producers push to the running stack and are understood, on its embedded broker and on Apache Kafka.

collectd comes from the distribution's packages (``collectd-core``, ``libyajl2`` and ``librdkafka1``), Telegraf from wherever it is on
the PATH or in ``TELEGRAF``; a test skips where its producer is absent. What they say of this machine is compared with
what psutil says of it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest
from confluent_kafka import Consumer

from integrations.kafka import KafkaSettings
from integrations.kafka.process import dying_with_parent
from schemas.batch import decode_batch

KAFKA = pytest.param("apache_kafka", marks=pytest.mark.kafka)
HOST = "producer-under-test"
LIMIT_S = 60.0
COLLECTD = shutil.which("collectd") or shutil.which("collectd", path="/usr/sbin")
TELEGRAF = os.environ.get("TELEGRAF") or shutil.which("telegraf")

Sample = tuple[int, float]


@dataclass
class Seen:
    """What came out of ingest: newest sample of each series, and what was rejected."""

    samples: dict[tuple[str, tuple[tuple[str, str], ...]], Sample] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    entities: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    rejected: list[tuple[bytes, object]] = field(default_factory=list)

    def metrics(self) -> set[str]:
        return {metric for metric, _ in self.samples}

    def value(self, metric: str, **labels: str) -> float:
        found = [
            value
            for (name, has), (_, value) in self.samples.items()
            if name == metric and labels.items() <= dict(has).items()
        ]
        assert len(found) == 1, f"{len(found)} series of {metric} {labels}"
        return found[0]


class Stack:
    """``metrics-ai up`` without its collector, and a reader of what ingest writes."""

    def __init__(self, folder: Path, broker: KafkaSettings | None) -> None:
        ready = folder / "ready.json"
        self.log = folder / "up.log"
        where = ["--broker", broker.bootstrap] if broker else ["--broker-port", "0"]
        options = [*where, "--port", "0", "--no-collector", "--data-dir", str(folder / "data")]
        command = [sys.executable, "-m", "metrics_ai", "up", *options, "--ready-file", str(ready)]
        self.process = start(command, self.log)
        try:
            wait_for(ready.exists, self)
            self.bootstrap = str(json.loads(ready.read_text())["broker"])
        except BaseException:
            end(self.process)
            raise
        self.seen = Seen()
        self._consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": "test-producers", "auto.offset.reset": "earliest"}
        )
        self._consumer.subscribe(["metrics.samples", "metrics.rejected"])

    def read(self) -> Seen:
        for message in self._consumer.consume(500, 0.5):
            if message.error() is not None:
                continue
            if message.topic() == "metrics.rejected":
                self.seen.rejected.append((message.value(), message.headers()))
            else:
                self._take(message.value())
        return self.seen

    def _take(self, data: bytes) -> None:
        batch = decode_batch(data)
        self.seen.sources |= {topic for topic, *_ in batch.source}
        for position in np.unique(batch.series):
            series = batch.series_at(int(position))
            rows = np.flatnonzero(batch.series == position)
            newest = rows[-1]
            key = (series.metric, tuple(sorted(series.labels.items())))
            self.seen.samples[key] = (int(batch.timestamp_ms[newest]), float(batch.value[newest]))
            self.seen.types[series.metric] = series.type
            self.seen.entities.add(series.entity)

    def stop(self) -> None:
        self._consumer.close()
        end(self.process)


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=dying_with_parent())  # noqa: PLW1509


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], bool], stack: Stack) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not what():
        assert stack.process.poll() is None, stack.log.read_text()
        assert time.monotonic() < deadline, f"waited {LIMIT_S:g} s\n{stack.log.read_text()[-2000:]}"
        time.sleep(0.05)


@pytest.fixture(params=[pytest.param(None, id="embedded"), KAFKA])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path, request.getfixturevalue(request.param) if request.param else None)
    try:
        yield running
    finally:
        running.stop()


def understood(stack: Stack, wanted: set[str]) -> Seen:
    """Wait until these metrics have arrived; nothing may be rejected."""
    wait_for(lambda: wanted <= stack.read().metrics(), stack)
    assert stack.seen.rejected == []
    now_ms = time.time() * 1000
    stale = {key: at for key, (at, _) in stack.seen.samples.items() if abs(now_ms - at) > LIMIT_S * 1000}
    assert stale == {}
    assert stack.seen.entities == {f"node:{HOST}"}
    return stack.seen


# librdkafka 2.0.2 (Debian 12) skips one byte too few of each tagged field; Apache Kafka's answer survives that.
OLD_CLIENT = "ApiVersionRequest failed: Local: Read underflow"
COLLECTD_CONF = """
Hostname "{host}"
FQDNLookup false
BaseDir "{folder}"
PIDFile "{folder}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
Interval 1
LoadPlugin load
LoadPlugin memory
LoadPlugin uptime
LoadPlugin interface
LoadPlugin write_kafka
<Plugin memory>
  ValuesAbsolute true
</Plugin>
<Plugin write_kafka>
  Property "metadata.broker.list" "{bootstrap}"
  <Topic "collectd">
    Format JSON
    Key "{host}"
  </Topic>
</Plugin>
"""


@pytest.mark.slow
@pytest.mark.skipif(
    COLLECTD is None, reason="collectd is not installed (packages collectd-core, libyajl2 and librdkafka1)"
)
def test_a_real_collectd_is_understood(stack: Stack, tmp_path: Path) -> None:
    conf = tmp_path / "collectd.conf"
    conf.write_text(COLLECTD_CONF.format(host=HOST, folder=tmp_path, bootstrap=stack.bootstrap))
    log = tmp_path / "collectd.log"
    producer = start([str(COLLECTD), "-f", "-C", str(conf)], log)

    def is_heard() -> bool:
        assert producer.poll() is None, log.read_text()
        return OLD_CLIENT in log.read_text() or "collectd" in "".join(stack.read().sources)

    try:
        wait_for(is_heard, stack)
        if OLD_CLIENT in log.read_text():
            pytest.skip("this collectd's librdkafka cannot read the embedded broker's list of versions")
        wanted = {"load_load_shortterm", "memory_memory", "uptime_uptime", "interface_if_octets_rx"}
        seen = understood(stack, wanted)
    finally:
        end(producer)
    memory = sum(value for (metric, _), (_, value) in seen.samples.items() if metric == "memory_memory")
    assert memory == pytest.approx(psutil.virtual_memory().total, rel=0.1)
    assert seen.value("uptime_uptime", host=HOST) == pytest.approx(time.time() - psutil.boot_time(), abs=LIMIT_S)
    assert 0 <= seen.value("load_load_shortterm", host=HOST) < 1000


TELEGRAF_CONF = """
[agent]
  interval = "1s"
  flush_interval = "1s"
  hostname = "{host}"
  omit_hostname = false
[[inputs.mem]]
[[inputs.cpu]]
  totalcpu = true
[[outputs.kafka]]
  brokers = ["{bootstrap}"]
  topic = "telegraf"
  routing_tag = "host"
  data_format = "json"
  json_timestamp_units = "1ms"
  namepass = ["mem"]
[[outputs.kafka]]
  brokers = ["{bootstrap}"]
  topic = "telegraf_influx"
  routing_tag = "host"
  data_format = "influx"
  compression_codec = 4
  namepass = ["cpu"]
"""


@pytest.mark.slow
@pytest.mark.skipif(TELEGRAF is None, reason="telegraf is not on the PATH, nor named by TELEGRAF")
def test_a_real_telegraf_is_understood_in_json_and_line_protocol(stack: Stack, tmp_path: Path) -> None:
    conf = tmp_path / "telegraf.conf"
    conf.write_text(TELEGRAF_CONF.format(host=HOST, bootstrap=stack.bootstrap))
    producer = start([str(TELEGRAF), "--config", str(conf)], tmp_path / "telegraf.log")
    try:
        seen = understood(stack, {"mem_total", "mem_used_percent", "cpu_usage_idle"})
    except AssertionError as error:
        error.add_note((tmp_path / "telegraf.log").read_text()[-2000:])
        raise
    finally:
        end(producer)
    assert seen.value("mem_total", host=HOST) == psutil.virtual_memory().total
    assert 0 <= seen.value("cpu_usage_idle", host=HOST, cpu="cpu-total") <= 100
