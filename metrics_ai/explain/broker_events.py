"""Events from a broker's topics, those that mention what is wanted."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable
from typing import Final

from integrations.kafka.connection import KafkaSettings
from metrics_ai.explain.cases import EventT
from metrics_ai.topic_reader import TopicReader
from schemas.topics import Topic

# A month of anomalies is a long topic.
_LIMIT_S: Final = 600.0


class BrokerEvents:
    """Reads each topic from its beginning; only what mentions a wanted text is parsed.

    Parameters
    ----------
    kafka
        The broker.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka

    def read(self, topic: Topic, event: type[EventT], mentions: Collection[str]) -> Iterable[EventT]:
        """The events of a topic that mention one of some texts anywhere, in the order of the log.

        Raises
        ------
        BrokerError
            If the topic cannot be read to its end.
        """
        pattern = re.compile("|".join(map(re.escape, mentions)).encode())
        with TopicReader(self._kafka, topic, event, lambda value: pattern.search(value) is not None) as reader:
            for _, one in reader.to_end(_LIMIT_S):
                if one is not None:
                    yield one
            if reader.unreadable:
                what = f"{reader.unreadable} records of {topic.name} that mention it cannot be read"
                sys.stderr.write(f"metrics-ai: {what}: not ours, or of a newer version\n")
