"""What a stage is, without its shell: state, a step, and blocks of state that come and go as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class Output:
    """A record that a step wants sent.

    Parameters
    ----------
    topic
        From the catalogue.
    partition
        Where it must go.
    key, value
        The record; without a value it is a tombstone: what had the key is gone.
    event_ms
        Event time, the record's timestamp.
    id
        Deterministic: the same input makes the same id, so that readers can drop repeats.
    """

    topic: Topic
    partition: int
    key: str
    value: bytes | None
    event_ms: int
    id: str


class Operator(Protocol):
    """One partition of one stage: ``(state, record) -> (state, outputs)``, no Kafka, no clock, no I/O.

    The state is a set of named blocks. Applying the blocks that were current at a checkpoint to a fresh operator
    makes an equal operator, bit for bit.
    """

    inputs: tuple[Topic, ...]

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        """Apply one record of an input topic (its catalogue name).

        Raises
        ------
        SchemaError
            If the record cannot be read; the state is then unchanged.
        """

    def take_blocks(self) -> Sequence[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call, and call them unchanged; None is one that is gone."""

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back (of a fresh operator, before its first step)."""

    def finish_load(self) -> None:
        """Take notice that every block is back; derived state is made here."""
