"""The newest state of the detect stage, read from its checkpoint topic."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from agents.checkpoints import read_states
from agents.log_reader import LogReader
from integrations.kafka.admin import ANSWER_S, list_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.explain.selecting import Wanted
from metrics_ai.explain.series_state import DetectState
from models.settings import DetectSettings
from schemas.errors import BrokerError
from schemas.topics import DETECT_CHECKPOINTS

_LIMIT_S: Final = 120.0


def checkpointed(kafka: KafkaSettings, settings: DetectSettings, wanted: Wanted) -> Iterator[DetectState]:
    """The wanted series of each partition that has a checkpoint, one partition after the other.

    Raises
    ------
    BrokerError
        If the broker does not answer, has no such topic, or holds no checkpoint.
    CheckpointError
        If a checkpoint is of another version.
    """
    name = kafka.topic(DETECT_CHECKPOINTS)
    topic = list_topics(kafka, ANSWER_S).get(name)
    if topic is None:
        raise BrokerError(f"the broker has no topic {name}", "metrics-ai topics create makes it")
    reader = LogReader(kafka, committed=True)
    found = 0
    for partition in range(topic.partitions):
        in_time = partial(_is_before, time.monotonic() + _LIMIT_S)
        restored = read_states(reader, name, [partition], in_time)[partition]
        if not in_time():
            raise BrokerError(f"{name}/{partition} could not be read to its end within {_LIMIT_S:g} s", "Is it up?")
        if restored.manifest is not None:
            found += 1
            yield DetectState(restored.blocks, settings, wanted)
    if not found:
        raise BrokerError(
            f"{name} holds no checkpoint yet",
            "Detect writes one every few seconds on Apache Kafka, `up` every embedded.checkpoint_interval_s",
        )


def _is_before(moment_s: float) -> bool:
    return time.monotonic() < moment_s
