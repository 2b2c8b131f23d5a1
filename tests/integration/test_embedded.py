"""The embedded broker: quick to start, gone when we are, and what it can hold."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics, has_transactions, is_embedded, list_topics, resolve_profile
from integrations.kafka.embedded import EmbeddedBroker
from schemas.errors import BrokerError, MachineError


def test_two_brokers_live_beside_each_other(tmp_path: Path) -> None:
    with EmbeddedBroker(log_path=tmp_path / "a") as one, EmbeddedBroker(log_path=tmp_path / "b") as other:
        create_topics(one.settings, (), ["metrics"])
        assert list(list_topics(one.settings)) == ["metrics"]
        assert list(list_topics(other.settings)) == []
        assert one.rss_bytes > 1 << 20
        assert one.is_alive
    assert not one.is_alive
    assert one.pid is None
    assert one.rss_bytes == 0


def test_a_broker_on_any_port_keeps_it_when_it_is_started_again(tmp_path: Path) -> None:
    with EmbeddedBroker(log_path=tmp_path / "log") as broker:
        before = broker.bootstrap
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(broker.pid)] if broker.pid else [], timeout=10)
        with socket.create_server(("127.0.0.1", broker.port)) as other:
            threading.Timer(0.7, other.close).start()
            broker.start()
        assert broker.bootstrap == before
        assert list_topics(broker.settings) == {}


def test_a_taken_port_is_a_clear_error(embedded_process: EmbeddedBroker) -> None:
    with pytest.raises(MachineError, match=f"port {embedded_process.port} of 127.0.0.1 is taken"):
        EmbeddedBroker(embedded_process.port).start()


def test_it_is_known_as_what_it_is(embedded_broker: KafkaSettings) -> None:
    assert is_embedded(embedded_broker)
    assert not has_transactions(embedded_broker)
    assert resolve_profile(embedded_broker.model_copy(update={"profile": "auto"})).profile == "embedded"


def test_a_broker_that_is_away_is_a_clear_error(tmp_path: Path) -> None:
    broker = EmbeddedBroker(log_path=tmp_path / "log").start()
    broker.stop()
    with pytest.raises(BrokerError, match=rf"the broker at {broker.bootstrap} does not answer"):
        list_topics(broker.settings, timeout_s=1)


def test_a_group_goes_on_where_it_committed(embedded_broker: KafkaSettings) -> None:
    create_topics(embedded_broker, (), ["resumed"])
    producer = Producer(embedded_broker.librdkafka())
    for number in range(20):
        producer.produce("resumed", str(number).encode(), partition=0)
    assert producer.flush(10) == 0
    read = []
    for _ in range(2):
        options = {"group.id": "g", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        consumer = Consumer(embedded_broker.librdkafka(**options))
        consumer.assign([TopicPartition("resumed", 0, consumer.committed([TopicPartition("resumed", 0)])[0].offset)])
        batch = []
        deadline = time.monotonic() + 10
        while len(batch) < 10 and time.monotonic() < deadline:
            batch += consumer.consume(10 - len(batch), 0.2)
        consumer.commit(offsets=[TopicPartition("resumed", 0, batch[-1].offset() + 1)], asynchronous=False)
        consumer.close()
        read += [int(message.value()) for message in batch]
    assert read == list(range(20))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word to children is Linux's")
def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    code = (
        "import sys, time; from pathlib import Path; from integrations.kafka.embedded import EmbeddedBroker;"
        "b = EmbeddedBroker().start(); print(b.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone == [child]
