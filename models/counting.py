"""What the detect stage asks of whoever counts events of objectives beside it: it sees each sample once, as it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from schemas.batch import SampleBatch
from schemas.events import Anomaly, Setting
from schemas.series import Series
from streams.bank import Identity
from streams.operator import Output


class Counting(Protocol):
    """Counts by slice what passes through one partition; the keys of its blocks begin with ``prefix``."""

    prefix: str

    def know(self, series: Callable[[], Iterable[tuple[int, Identity]]]) -> None:
        """Where to ask for all series that have slots."""

    def watch(self, slot: int, series: Series) -> None:
        """A series has a slot now."""

    def forget(self, slot: int) -> None:
        """A slot is nobody's any more."""

    def bounds(self, points: SampleBatch, position: int) -> Sequence[float]:
        """The buckets of a batch's histogram that are to be counted, by their upper bounds."""

    def take(self, batch: SampleBatch, slots: npt.NDArray[np.int32], anomalies: Sequence[Anomaly]) -> list[Output]:
        """Count a batch, and what was found in it; ``slots`` are those of its series, -1 for one without."""

    def on_tick(self, at_ms: int, now_ms: int, anomalies: Sequence[Anomaly]) -> list[Output]:
        """Let time pass; ``now_ms`` is the samples' own."""

    def apply_setting(self, setting: Setting) -> None:
        """A setting of any subject.

        Raises
        ------
        SchemaError
            If it is one of its own and cannot be read.
        """

    @property
    def counts(self) -> dict[str, int]:
        """What became of samples, by name."""

    def mark_all(self) -> None:
        """Let the next ``take_blocks`` bring the whole state."""

    def take_blocks(self) -> Sequence[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call."""

    def load_block(self, key: str, value: bytes) -> None:
        """Put a block back."""

    def finish_load(self) -> None:
        """All blocks are back, and all series that have slots are watched."""


class NoCounting:
    """Counts nothing."""

    prefix = "slo"
    counts: dict[str, int] = {}  # noqa: RUF012  # never written

    def know(self, series: Callable[[], Iterable[tuple[int, Identity]]]) -> None:
        """See ``Counting``."""

    def watch(self, slot: int, series: Series) -> None:
        """See ``Counting``."""

    def forget(self, slot: int) -> None:
        """See ``Counting``."""

    def bounds(self, points: SampleBatch, position: int) -> Sequence[float]:
        """See ``Counting``."""
        return ()

    def take(self, batch: SampleBatch, slots: npt.NDArray[np.int32], anomalies: Sequence[Anomaly]) -> list[Output]:
        """See ``Counting``."""
        return []

    def on_tick(self, at_ms: int, now_ms: int, anomalies: Sequence[Anomaly]) -> list[Output]:
        """See ``Counting``."""
        return []

    def apply_setting(self, setting: Setting) -> None:
        """See ``Counting``."""

    def mark_all(self) -> None:
        """See ``Counting``."""

    def take_blocks(self) -> Sequence[tuple[str, bytes | None]]:
        """See ``Counting``."""
        return ()

    def load_block(self, key: str, value: bytes) -> None:
        """See ``Counting``; what another configuration counted is dropped."""

    def finish_load(self) -> None:
        """See ``Counting``."""
