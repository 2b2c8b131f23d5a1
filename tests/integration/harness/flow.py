"""Trials of the whole flow: ingest, detect and decide with the real operators."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import ClassVar

from confluent_kafka import Consumer, Producer, TopicPartition

from agents.stage import Stage
from integrations.kafka.admin import create_topics
from schemas.batch import decode_batch
from schemas.events import Tick
from schemas.topics import ALERTS, ANOMALIES, DECIDE_TICKS, INCIDENTS, SAMPLES, TIMELINE
from tests.integration.harness.chaos import Kill, Trial
from tests.integration.harness.judge import Reference, state_differences
from tests.integration.harness.real import BACK_MS, Outcome, raw_messages, raw_topic, reference, stage_settings
from tests.integration.harness.traffic import Traffic

ROLES = ("ingest", "detect", "decide")
_RAW_PARTITIONS = 2
# A burst is on the topic by then, and the gateway still waits for its batch to fill.
_BURST_UNDER_WAY_S = 0.01


@dataclass
class FlowTrial(Trial):
    """The real thing, killed in turn."""

    operators: ClassVar[str] = "real"
    # Time passes in both while they are killed; in decide it is a time before all data, so that when an incident
    # resolves is the trial's own word, at the end.
    ticking: ClassVar[frozenset[str]] = frozenset({"detect", "decide"})
    clocks_back_s: ClassVar[dict[str, float]] = {"decide": 2 * BACK_MS / 1000}
    last_tick_ms: int = 0
    raw: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        raw = self.kafka.model_copy(update={"partitions": _RAW_PARTITIONS})
        create_topics(raw, (), [raw_topic(self.kafka)])
        self.stage("detect").warm_up()  # on a fresh machine kernels are compiled once, here, and kept on disk

    def stage(self, role: str) -> Stage:
        return stage_settings(self.kafka).stage(role)  # type: ignore[arg-type]  # ingest is no stage

    def traffic(self) -> Traffic:
        return Traffic(self.kafka, raw_messages(self.kafka, self.seed), self.per_second, prefix=False)

    def _kill(self, role: str, position: int) -> Kill:
        if role != "ingest":
            return super()._kill(role, position)
        worker = self.workers[role][position].wait_ready()
        assert self.sender is not None
        time.sleep(self.chance.uniform(0.0, 1.0))
        before = self.sender.sent.total()
        while self.sender.sent.total() == before:
            time.sleep(0.001)
        time.sleep(_BURST_UNDER_WAY_S)
        sent = dict(self.sender.sent)
        worker.kill()
        return Kill(role, self._committed(), self._ingested(), sent)

    def _raw_ends(self) -> dict[int, int]:
        consumer = Consumer(self.kafka.librdkafka(group_id="ends"))
        try:
            return {
                number: consumer.get_watermark_offsets(TopicPartition(raw_topic(self.kafka), number), 10.0)[1]
                for number in range(_RAW_PARTITIONS)
            }
        finally:
            consumer.close()

    def _committed(self) -> dict[int, int]:
        consumer = Consumer(self.kafka.librdkafka(group_id=self.kafka.group("ingest")))
        try:
            places = [TopicPartition(raw_topic(self.kafka), number) for number in range(_RAW_PARTITIONS)]
            return {one.partition: max(0, one.offset) for one in consumer.committed(places, 10.0)}
        finally:
            consumer.close()

    def _ingested(self) -> dict[int, int]:
        """Up to where raw messages have become samples."""
        ends: dict[int, int] = {}
        for records in self.log.records(SAMPLES).values():
            for record in records[-50:]:
                for _, number, _, last in decode_batch(record.value or b"").source:
                    ends[number] = max(ends.get(number, 0), last + 1)
        return ends

    def finish(self, role: str) -> None:
        if role == "ingest":
            self._finish_ingest()
            return
        if role == "decide":
            self.await_applied(role, ANOMALIES)
            self._tick()
            self.await_applied(role, DECIDE_TICKS)
        super().finish(role)

    def _finish_ingest(self) -> None:
        (worker,) = self.workers["ingest"]
        worker.wait_ready()
        ends = self._raw_ends()
        deadline = time.monotonic() + 60
        while any(self._committed()[number] < end for number, end in ends.items()):
            assert worker.is_alive, worker.said()
            assert time.monotonic() < deadline, f"{self._committed()} of {ends} committed\n{worker.said()}"
            time.sleep(0.3)
        assert worker.stop() == 0, worker.said()

    def _tick(self) -> None:
        """The end of time, in which whatever may resolve resolves."""
        newest = max(record.timestamp_ms for records in self.log.records(ANOMALIES).values() for record in records)
        self.last_tick_ms = newest + 3_600_000
        producer = Producer(self.kafka.librdkafka())
        for number in range(self.kafka.partitions):
            tick = Tick(stage="decide", partition=number, at_ms=self.last_tick_ms)
            producer.produce(self.kafka.topic(DECIDE_TICKS), tick.to_bytes(), partition=number)
        producer.flush(30)

    def state_differences(self) -> list[str]:
        """The durable state of detect against that of a run over the very batches that it read."""
        stage = self.stage("detect")
        inputs = {number: [record.value for record in records] for number, records in self.log.records(SAMPLES).items()}
        return state_differences(stage, self.log, Reference.over(stage, inputs))

    def twice_committed(self) -> int:
        """Decisions that a reader of committed records meets more than once."""
        return sum(self.log.count(topic) - len(self.log.by_id(topic)) for topic in (ALERTS, INCIDENTS, TIMELINE))

    def outcome(self) -> Outcome:
        """What lies on the topics."""
        return Outcome.on(self.log)

    def expected(self) -> Outcome:
        """What an undisturbed run makes of the same raw messages."""
        raw = self.kafka.model_copy(update={"topic_prefix": "", "partitions": _RAW_PARTITIONS})
        reader = self.log.reader()
        records = list(reader.to_end(raw_topic(self.kafka), range(raw.partitions)))
        values = [record.value or b"" for record in sorted(records, key=lambda one: (one.timestamp_ms, one.offset))]
        return reference(values, self.folder, self.last_tick_ms)
