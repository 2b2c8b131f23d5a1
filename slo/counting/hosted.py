"""The counter as the detect stage hosts it: with its state as blocks."""

from __future__ import annotations

from collections.abc import Sequence

from slo.counting.counter import SloCounter
from slo.counting.settings import CountingSettings
from slo.counting.state import CounterBlocks


class HostedCounter(SloCounter):
    """A ``models.counting.Counting`` for objectives."""

    def __init__(self, settings: CountingSettings, partition: int, partitions: int) -> None:
        super().__init__(settings, partition, partitions)
        self._blocks = CounterBlocks(self)

    def mark_all(self) -> None:
        """Let the next ``take_blocks`` bring the whole state."""
        self._blocks.mark_all()

    def take_blocks(self) -> Sequence[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call."""
        return self._blocks.take()

    def load_block(self, key: str, value: bytes) -> None:
        """Put a block back."""
        self._blocks.load(key, value)

    def finish_load(self) -> None:
        """All blocks are back, and all series that have slots are watched."""
        self._blocks.finish_load()
