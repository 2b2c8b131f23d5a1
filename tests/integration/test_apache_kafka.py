"""Apache Kafka as a child of ours: it keeps its data, ends for certain, and is known for what it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import (
    check_topics,
    create_topics,
    has_transactions,
    is_embedded,
    list_topics,
    resolve_profile,
)
from integrations.kafka.apache import ApacheKafka, resolve_jars
from schemas.errors import ConfigurationError, MachineError
from tests.integration.gateways import producer

pytestmark = pytest.mark.kafka


def read(settings: KafkaSettings, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(settings.librdkafka(group_id="reader"))
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []
    deadline = time.monotonic() + 20
    while len(values) < count and time.monotonic() < deadline:
        values += [message.value() for message in consumer.consume(count, 0.2)]
    consumer.close()
    return values


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_keeps_the_data(apache_process: ApacheKafka, how: str) -> None:
    settings, topic = apache_process.settings, f"kept-after-{how}"
    create_topics(settings, sources=[topic])
    sender = producer(settings)
    sender.produce(topic, how.encode(), partition=0)
    assert sender.flush(20) == 0
    getattr(apache_process, how)()
    assert not apache_process.is_alive
    apache_process.start()
    assert read(settings, topic, 1) == [how.encode()]
    assert check_topics(settings, sources=[topic]) == []


def test_it_is_known_as_what_it_is(apache_kafka: KafkaSettings) -> None:
    assert not is_embedded(apache_kafka)
    assert has_transactions(apache_kafka)
    assert resolve_profile(apache_kafka.model_copy(update={"profile": "auto"})).profile == "kafka"


def test_an_installation_serves_as_well_as_jars_by_maven(tmp_path: Path) -> None:
    home = tmp_path / "kafka_2.13-4.3.1"
    home.mkdir()
    (home / "libs").symlink_to(resolve_jars())
    with ApacheKafka(tmp_path / "data", home=home) as broker:
        create_topics(broker.settings, (), ["metrics"])
        assert list(list_topics(broker.settings)) == ["metrics"]
        assert broker.rss_bytes > 100 << 20
    assert broker.pid is None


def test_a_home_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no installation"):
        ApacheKafka(tmp_path / "data", home=tmp_path).start()


def test_a_taken_port_is_a_clear_error(apache_process: ApacheKafka, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=f"port {apache_process.port} of 127.0.0.1 is taken"):
        ApacheKafka(tmp_path / "data", port=apache_process.port).start()


def test_a_configuration_that_cannot_hold_tells_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="Apache Kafka"):
        ApacheKafka(tmp_path / "data", properties={"num.io.threads": "none"}).start()


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from integrations.kafka.apache import ApacheKafka;"
        "b = ApacheKafka(Path(sys.argv[1])).start(); print(b.pid, flush=True); time.sleep(120)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "data")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone == [child]
