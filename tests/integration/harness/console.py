"""The API for tests: with everything in memory, or over a broker and a real store with a small stage behind it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from console.app import Parts, make_app
from console.memory import MemoryStore, OneRoute
from console.memory_stage import MemoryStage
from console.ports import Reads, Routing
from console.server import ConsoleServer
from console.settings import ConsoleSettings
from integrations.commands import CommandWriter, KafkaCommands
from integrations.kafka import KafkaSettings
from integrations.project import Projector
from integrations.serving.settings import ServingSettings
from integrations.serving.sink import ServingSink
from integrations.serving.store import ServingStore
from integrations.telemetry import Telemetry
from schemas.base import Event
from schemas.command_events import Command, ExpireSilence
from schemas.ids import decide_partition
from schemas.topics import ALERT_STATUS, ALERTS, COMMAND_RESULTS, COMMANDS, INCIDENTS, SILENCES, TIMELINE, Topic


@contextlib.contextmanager
def api_over(
    reads: Reads, writer: CommandWriter, settings: ConsoleSettings | None = None, routing: Routing | None = None
) -> Iterator[ConsoleServer]:
    """An API that is served."""
    parts = Parts(reads, writer, routing or OneRoute(), "default", "0.1.0", "s3cret")
    with ConsoleServer(make_app(parts, settings or ConsoleSettings())) as server:
        yield server


@dataclass
class InMemory:
    """An API whose store and stage are in this process."""

    store: MemoryStore = field(default_factory=MemoryStore)
    routing: Routing = field(default_factory=OneRoute)

    def __post_init__(self) -> None:
        self.stage = MemoryStage(self.store)

    @contextlib.contextmanager
    def serve(self, settings: ConsoleSettings | None = None) -> Iterator[ConsoleServer]:
        with api_over(self.store, self.stage, settings, self.routing) as server:
            yield server


class BrokerStage:
    """Reads commands from the broker, does them, and writes what came of it, as the stages do.

    Parameters
    ----------
    kafka
        Where.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self.store = MemoryStore()
        self.stage = MemoryStage(self.store)
        self._told: dict[tuple[str, str], bytes] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stage")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        consumer = Consumer(self._kafka.librdkafka(group_id="stage"))
        producer = Producer(self._kafka.librdkafka(linger_ms=1))
        # All partitions at once: to join a group takes a while.
        topic = self._kafka.topic(COMMANDS)
        consumer.assign([TopicPartition(topic, one, OFFSET_BEGINNING) for one in range(self._kafka.partitions)])
        while not self._stop.is_set():
            for message in consumer.consume(100, 0.05):
                if message.error() is None:
                    command = Command.from_bytes(message.value())
                    assert message.partition() == decide_partition(command.tenant, self._kafka.partitions)
                    self.stage.send(command)
            self._tell(producer)
        producer.flush(10)
        consumer.close()

    def _tell(self, producer: Producer) -> None:
        """Write what is new; results last, though readers may see topics in any order."""
        for topic, events in self._documents():
            for event in events:
                key, value = _key(topic, event), event.to_bytes()
                mark = topic.name, f"{key}/{getattr(event, 'id', '')}"
                if self._told.get(mark) != value:
                    partition = decide_partition(event.tenant, self._kafka.partitions)
                    producer.produce(self._kafka.topic(topic), value, key.encode(), partition)
                    self._told[mark] = value
        producer.flush(10)

    def _documents(self) -> list[tuple[Topic, list[Any]]]:
        store = self.store
        return [
            (ALERTS, _all(store.alerts_of)),
            (ALERT_STATUS, _all(store.statuses_of)),
            (INCIDENTS, _all(store.incidents_of)),
            (SILENCES, _all(store.silences_of)),
            (TIMELINE, [entry for entries in list(store.timelines.values()) for entry in entries]),
            (COMMAND_RESULTS, list(store.results.values())),
        ]


def _all(by_tenant: dict[str, Any]) -> list[Any]:
    return [one for documents in list(by_tenant.values()) for one in list(documents.values())]


def _key(topic: Topic, event: Event) -> str:
    given: Any = event
    match topic.name:
        case "alerts":
            return f"{given.tenant}/{given.fingerprint}"
        case "incidents":
            return f"{given.tenant}/{given.id}"
        case "incidents.timeline":
            return f"{given.tenant}/{given.incident_id}"
    return str(given.key)


@contextlib.contextmanager
def whole_console(kafka: KafkaSettings, serving: ServingSettings) -> Iterator[tuple[ConsoleServer, BrokerStage]]:
    """An API that writes to a broker and reads from a store which the role ``project`` fills."""
    stop, telemetry = threading.Event(), Telemetry("project")
    projector = Projector([ServingSink(serving, telemetry)], kafka, telemetry)
    thread = threading.Thread(target=projector.run, args=(stop,))
    writer = KafkaCommands(kafka)
    with contextlib.ExitStack() as ends:
        ends.callback(thread.join, 30)
        ends.callback(stop.set)
        thread.start()
        stage = ends.enter_context(BrokerStage(kafka))
        reads = ends.enter_context(ServingStore(serving))
        ends.callback(writer.close)
        _await_all(writer, reads)
        yield ends.enter_context(api_over(reads, writer)), stage


def _await_all(writer: KafkaCommands, reads: ServingStore) -> None:
    """Wait until the stage and the sink have their partitions."""
    for tenant in ("a", "b", "c", "d", "e", "f"):
        body = ExpireSilence(silence_id="none")
        writer.send(Command(id="first", tenant=tenant, at_ms=time.time_ns() // 1_000_000, body=body))
    for tenant in ("a", "b", "c", "d", "e", "f"):
        assert reads.command_result(tenant, "first", 40.0) is not None
