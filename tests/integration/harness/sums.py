"""A small real operator: sums by key, in blocks, with a decision now and then."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import SchemaError
from schemas.ids import event_id
from schemas.topics import Topic
from streams.operator import Output

BLOCKS = 8


@dataclass
class SumOperator:
    """Adds up ``{"key", "value"}`` records; every ``every``-th of a key is an output."""

    inputs: tuple[Topic, ...]
    output: Topic
    partition: int
    every: int = 1
    sums: dict[str, list[Any]] = field(default_factory=dict)
    _dirty: set[int] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: {"samples": 0})

    @property
    def series_count(self) -> int:
        return len(self.sums)

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        if topic != self.inputs[0].name:
            return []
        try:
            record = json.loads(value or b"")
            key, number, at_ms = str(record["key"]), float(record["value"]), int(record["at_ms"])
        except (ValueError, TypeError, KeyError) as error:
            raise SchemaError(f"not a sum's record: {error}") from error
        if record.get("bug"):
            raise ZeroDivisionError("a bug in the operator")
        entry = self.sums.setdefault(key, [0, 0.0])
        entry[0] += 1
        entry[1] += number
        self.counts["samples"] += 1
        self._dirty.add(_block(key))
        if entry[0] % self.every:
            return []
        body = {"key": key, "value": entry[1], "at_ms": at_ms, "count": entry[0]}
        identity = event_id(self.output.name, key, entry[0])
        return [Output(self.output, self.partition, f"default/{key}", json.dumps(body).encode(), at_ms, identity)]

    def take_blocks(self) -> list[tuple[str, bytes]]:
        dirty, self._dirty = self._dirty, set()
        return [(f"sums/{number}", self.block(number)) for number in sorted(dirty)]

    def block(self, number: int) -> bytes:
        return json.dumps({key: self.sums[key] for key in sorted(self.sums) if _block(key) == number}).encode()

    def load_block(self, key: str, value: bytes) -> None:
        self.sums |= json.loads(value)

    def finish_load(self) -> None:
        """Nothing is derived."""


def _block(key: str) -> int:
    return zlib.crc32(key.encode()) % BLOCKS
