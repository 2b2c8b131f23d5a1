"""What lies on the topics: records, ends, checkpoints."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from agents.checkpoints import Restored, read_states
from agents.log_reader import LogReader, LogRecord
from integrations.kafka.connection import KafkaSettings
from schemas.topics import Topic


@dataclass(frozen=True)
class BrokerLog:
    """Reads a broker as an outsider would."""

    kafka: KafkaSettings

    def reader(self) -> LogReader:
        """Reads what is committed."""
        return LogReader(self.kafka, committed=self.kafka.profile == "kafka")

    def records(self, topic: Topic) -> dict[int, list[LogRecord]]:
        """Everything of a topic by partition, in order."""
        found: dict[int, list[LogRecord]] = defaultdict(list)
        for record in self.reader().to_end(self.kafka.topic(topic), range(self.kafka.partitions)):
            found[record.partition].append(record)
        return found

    def ends(self, topic: Topic) -> dict[int, int]:
        """One past the last record of each partition that has any."""
        return {number: records[-1].offset + 1 for number, records in self.records(topic).items()}

    def states(self, checkpoints: Topic) -> dict[int, Restored]:
        """What a worker would restore now."""
        return read_states(self.reader(), self.kafka.topic(checkpoints), range(self.kafka.partitions), lambda: True)

    def saved(self, checkpoints: Topic, source: Topic) -> dict[int, int]:
        """Up to where the source is in the state."""
        return {
            number: state.manifest.offsets[source.name] if state.manifest else 0
            for number, state in self.states(checkpoints).items()
        }

    def by_id(self, topic: Topic) -> dict[str, set[bytes]]:
        """The distinct values of each ``ce_id``: a repeat must be the same to the byte."""
        found: dict[str, set[bytes]] = defaultdict(set)
        for records in self.records(topic).values():
            for record in records:
                found[dict(record.headers)["ce_id"].decode()].add(record.value or b"")
        return found

    def count(self, topic: Topic) -> int:
        return sum(map(len, self.records(topic).values()))
