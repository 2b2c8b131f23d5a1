"""Kill -9 of the gateway while producers go on: nothing is lost, and each host's order holds."""

from __future__ import annotations

import random
import threading
import time

import pytest

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics
from integrations.kafka.apache import ApacheKafka
from schemas.topics import REJECTED, SAMPLES
from tests.integration.gateways import (
    Samples,
    await_until,
    committed,
    first_occurrences,
    ingest,
    process,
    producer,
    running,
    sample,
)

PARTITIONS = 4
HOSTS = 12
KILLS = 3


class Hosts:
    """Hosts that go on sending, each keyed by its name and counting up."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.sent = 0

    def _work(self) -> None:
        sender, base_ms = producer(self._kafka), int(time.time() * 1000) - 1_000_000
        while not self._stop.is_set():
            for host in range(HOSTS):
                sender.produce(self._topic, sample(f"h{host}", self.sent // HOSTS, base_ms), key=f"h{host}")
                self.sent += 1
            while len(sender) > 20_000:  # the broker is away
                sender.poll(0.1)
            sender.poll(0)
            time.sleep(0.001)
        assert sender.flush(30) == 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> dict[str, list[float]]:
        """End; what each host has sent."""
        self._stop.set()
        self._thread.join()
        return {f"h{host}": [float(number) for number in range(self.sent // HOSTS)] for host in range(HOSTS)}


def test_kills_lose_nothing_and_keep_each_hosts_order(any_broker: KafkaSettings) -> None:
    update = {"topic_prefix": "kills.", "partitions": PARTITIONS, "session_timeout_s": 1.0}
    kafka, topic, chance = any_broker.model_copy(update=update), "kills.metrics", random.Random(4)
    create_topics(kafka, (SAMPLES, REJECTED), [topic])
    hosts, samples = Hosts(kafka, topic), Samples(kafka)
    settings = ingest(topic, commit_interval_s=2.0)
    hosts.start()
    try:
        for _ in range(KILLS):
            before = samples.count()
            gateway = process(settings, kafka)
            try:
                await_until(lambda seen=before: samples.count() > seen + 2000, "the gateway at work")
                time.sleep(chance.uniform(0.0, 0.5))
            finally:
                gateway.kill()
                gateway.wait()
            # What had come out and was not committed: it will come out again.
            assert samples.count() > committed(kafka, topic, PARTITIONS)
    finally:
        sent = hosts.stop()
    with running(settings, kafka):
        await_until(lambda: committed(kafka, topic, PARTITIONS) == hosts.sent, "all committed")
    await_until(lambda: {host: first_occurrences(got) for host, got in samples.values().items()} == sent, "all samples")
    assert samples.count() > hosts.sent, "no kill struck between two commits"
    samples.close()


@pytest.mark.kafka
def test_a_broker_that_restarts_is_waited_for(apache_process: ApacheKafka) -> None:
    update = {"topic_prefix": "restart.", "partitions": PARTITIONS, "session_timeout_s": 2.0}
    kafka, topic = apache_process.settings.model_copy(update=update), "restart.metrics"
    create_topics(kafka, (SAMPLES, REJECTED), [topic])
    hosts, samples = Hosts(kafka, topic), Samples(kafka)
    with running(ingest(topic), kafka) as gateway:
        hosts.start()
        await_until(lambda: samples.count() > 1000, "the gateway at work")
        apache_process.kill()
        time.sleep(1.0)
        apache_process.start()
        before = samples.count()
        await_until(lambda: samples.count() > before + 1000, "the gateway at work again")
        sent = hosts.stop()
        await_until(lambda: committed(kafka, topic, PARTITIONS) == hosts.sent, "all committed")
        assert gateway.thread.is_alive()
    values = samples.values()
    assert {host: first_occurrences(got) for host, got in values.items()} == sent
    samples.close()
