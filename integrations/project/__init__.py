"""The serving side: what topics say, handed to sinks that keep it for people and other tools.

A sink is its own consumer group, so that one whose far end is down holds up no other. Nothing here decides anything:
whatever a sink holds can be made again from the topics.
"""

from integrations.project.projector import Projector
from integrations.project.sink import Partition, PlacedSink, RebuildError, Record, Sink, SinkError

__all__ = ["Partition", "PlacedSink", "Projector", "RebuildError", "Record", "Sink", "SinkError"]
