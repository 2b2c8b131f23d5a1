"""A small real operator: sums by key, in blocks. It shows a lost record, a repeated one and a mixed-up state."""

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


@dataclass(eq=False)
class SumOperator:
    """Adds up ``{"key", "value", "at_ms", "n"}`` records; every ``every``-th of a key is an output.

    With ``idempotent``, a record whose ``n`` is not above the key's last one changes nothing; without, each record
    counts as often as it is applied.
    """

    inputs: tuple[Topic, ...]
    output: Topic
    partition: int
    every: int = 1
    idempotent: bool = False
    sums: dict[str, list[Any]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {"samples": 0})
    _dirty: set[int] = field(default_factory=set)

    @property
    def series_count(self) -> int:
        return len(self.sums)

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        if topic != self.inputs[0].name:
            return []
        try:
            record = json.loads(value or b"")
            key, number, at_ms, n = str(record["key"]), float(record["value"]), int(record["at_ms"]), int(record["n"])
        except (ValueError, TypeError, KeyError) as error:
            raise SchemaError(f"not a sum's record: {error}") from error
        if record.get("bug"):
            raise ZeroDivisionError("a bug in the operator")
        entry = self.sums.setdefault(key, [0, 0.0, 0, 0])
        if self.idempotent and n <= entry[2]:
            return []
        entry[3] += n != entry[2] + 1
        entry[:3] = entry[0] + 1, entry[1] + number, n
        self.counts["samples"] += 1
        self._dirty.add(_block(key))
        return [self._output(key, entry, at_ms)] if entry[0] % self.every == 0 else []

    def _output(self, key: str, entry: list[Any], at_ms: int) -> Output:
        body = {"key": key, "value": entry[1], "at_ms": at_ms, "n": entry[0] // self.every, "holes": entry[3]}
        identity = event_id(self.output.name, key, entry[0])
        return Output(self.output, self.partition, f"default/{key}", json.dumps(body).encode(), at_ms, identity)

    def take_blocks(self) -> list[tuple[str, bytes]]:
        dirty, self._dirty = self._dirty, set()
        return [(f"sums/{number}", self._block_of(number)) for number in sorted(dirty)]

    def _block_of(self, number: int) -> bytes:
        return json.dumps({key: self.sums[key] for key in sorted(self.sums) if _block(key) == number}).encode()

    def load_block(self, key: str, value: bytes) -> None:
        self.sums |= json.loads(value)

    def finish_load(self) -> None:
        """Nothing is derived."""


def _block(key: str) -> int:
    return zlib.crc32(key.encode()) % BLOCKS
