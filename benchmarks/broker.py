"""The broker of a run: Apache Kafka where Java and Maven are, else the embedded one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from integrations.kafka.apache import ApacheKafka
from integrations.kafka.embedded import EmbeddedBroker

# Logs must outlive a run, whatever event times it uses.
_PROPERTIES = {"log.retention.hours": "1000", "log.message.timestamp.before.max.ms": str(10 * 365 * 86_400_000)}


def kind() -> str:
    """Which broker runs here: ``apache`` or ``embedded`` (METRICS_AI_BENCH_BROKER chooses)."""
    wanted = os.environ.get("METRICS_AI_BENCH_BROKER", "")
    if wanted in ("apache", "embedded"):
        return wanted
    return "apache" if shutil.which("java") and shutil.which("mvn") else "embedded"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[ApacheKafka | EmbeddedBroker]:
    """A broker for one benchmark, ended after it."""
    broker: ApacheKafka | EmbeddedBroker
    if kind() == "apache":
        broker = ApacheKafka(folder / "kafka", properties=_PROPERTIES)
    else:
        broker = EmbeddedBroker(log_path=folder / "embedded.log")
    with broker:
        yield broker


def create(bootstrap: str, topics: dict[str, int]) -> None:
    """Create topics with their partitions where they are not there yet, and wait for it."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    there = admin.list_topics(timeout=30).topics
    topics = {name: count for name, count in topics.items() if name not in there}
    made = admin.create_topics([NewTopic(name, count, 1) for name, count in topics.items()])
    for future in made.values():
        future.result(30)
