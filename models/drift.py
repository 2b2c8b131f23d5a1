"""Slow shifts: a River drift detector a series, fed one closed minute at a time.

A checkpoint does not pickle the objects at every minute: it keeps the inputs since the last pickle, and pickles a
block of detectors only when that log is full. A restored detector learns the log again.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.registry import make_drift
from models.settings import DriftSettings
from schemas.errors import CheckpointError
from streams.blocks import pack, unpack
from streams.jit import entry_point
from streams.layout import BLOCK

_Array = npt.NDArray[Any]
_RIVER: Final = "river"
_LOG: Final = "drift"
LOG_LENGTH: Final = 16
"""Inputs that a log holds; ``pickle_every`` is at most this."""


@entry_point
def _note(slots: _Array, inputs: _Array, log: _Array, counts: _Array, dirty: _Array) -> None:
    """Append each input to its series' log while there is room."""
    room = log.shape[1]
    for i in range(len(slots)):
        slot = slots[i]
        if counts[slot] < room:
            log[slot, counts[slot]] = inputs[i]
        counts[slot] += 1
        dirty[slot // BLOCK] = 1


def _share_texts(detector: Any) -> None:
    """Let a detector that was read use the very strings that a new one uses.

    A pickle writes a string once and then refers to it: without this, a block of old and new detectors would have
    other bytes than one that was never read.
    """
    for name, value in getattr(detector, "__dict__", {}).items():
        if type(value) is str:
            setattr(detector, name, sys.intern(value))


class Shift(NamedTuple):
    """A drift that was seen: at which input, and since when the level is another (0 where that is not known)."""

    position: int
    since_ms: int


class DriftBank:
    """Drift detectors by slot.

    Examples
    --------
    >>> bank = DriftBank(DriftSettings(options={"min_instances": 5, "threshold": 5}))
    >>> levels, ends_ms = np.array([0.0] * 10 + [4.0] * 5), 60_000 * np.arange(1, 16)
    >>> bank.learn(np.zeros(15, np.int64), levels, ends_ms)
    [Shift(position=11, since_ms=600000)]
    """

    def __init__(self, settings: DriftSettings) -> None:
        self._kind = make_drift(settings.detector, settings.options)
        self._make = self._kind.make
        self._detectors: list[Any] = []
        self._room = settings.pickle_every
        self._reserve(BLOCK)
        self._pickle: set[int] = set()
        self._loaded: dict[int, bytes] = {}
        self.updates = 0

    def _reserve(self, slots: int) -> None:
        old = len(self._detectors)
        log, counts, dirty = (
            np.zeros((slots, LOG_LENGTH)),
            np.zeros(slots, np.int32),
            np.zeros(slots // BLOCK, np.uint8),
        )
        turned = np.zeros((slots, 2), np.int64)
        if old:
            turned[:old] = self._turned
            log[:old], counts[:old], dirty[: old // BLOCK] = self._log, self._counts, self._dirty
        self._turned: _Array = turned
        self._log: _Array = log
        self._counts: _Array = counts
        self._dirty: _Array = dirty
        self._detectors.extend([None] * (slots - old))

    def grow(self, slots: int) -> None:
        """Have room for so many slots (a multiple of the block)."""
        if slots > len(self._detectors):
            self._reserve(slots)

    def learn(self, slots: _Array, inputs: _Array, ends_ms: _Array) -> list[Shift]:
        """Feed one input a slot, in order, each with its minute's end; returns the drifts that were seen."""
        detectors = self._detectors
        found = []
        rows = zip(slots.tolist(), inputs.tolist(), ends_ms.tolist(), strict=True)
        for position, (slot, value, end_ms) in enumerate(rows):
            detector = detectors[slot]
            if detector is None:
                detector = detectors[slot] = self._make()
            detector.update(value)
            since_ms = self._since(slot, end_ms, detector)
            if detector.drift_detected:
                found.append(Shift(position, since_ms))
        _note(slots, inputs, self._log, self._counts, self._dirty)
        self.updates += len(slots)
        return found

    def _since(self, slot: int, end_ms: int, detector: Any) -> int:
        """The end of the last minute before what the detector sees coming; 0 where it cannot tell."""
        climbed = self._kind.climbed(detector)
        if climbed is None:
            return 0
        up, down = climbed
        if up <= 0.0:
            self._turned[slot, 0] = end_ms
        if down <= 0.0:
            self._turned[slot, 1] = end_ms
        return int(self._turned[slot, 0 if up >= down else 1]) if detector.drift_detected else 0

    def told(self, slot: int) -> dict[str, float] | None:
        """What a slot's detector has learned, by name, for people; None where it has not begun."""
        detector = self._detectors[slot]
        return None if detector is None else self._kind.told(detector)

    def forget(self, slot: int) -> None:
        """Free a slot."""
        self._detectors[slot] = None
        self._counts[slot] = 0
        self._turned[slot] = 0
        self._dirty[slot // BLOCK] = 1
        self._pickle.add(slot // BLOCK)

    def mark_blocks(self, slots: int) -> None:
        """Call every block of so many slots changed, whether it holds a detector or not."""
        blocks = range(-(-slots // BLOCK))
        self._dirty[list(blocks)] = 1
        self._pickle.update(blocks)

    def mark_all(self) -> None:
        """Call everything changed, pickles included."""
        blocks = [block for block in range(len(self._dirty)) if any(self._of(block))]
        self._dirty[blocks] = 1
        self._pickle.update(blocks)

    def _of(self, block: int) -> Sequence[Any]:
        return self._detectors[block * BLOCK : (block + 1) * BLOCK]

    def take_blocks(self) -> Iterator[tuple[str, bytes]]:
        """``drift/B``, the inputs since the last pickle, and since when evidence grows; ``river/B``, a block's pickles.

        The latter only when the log is full.
        """
        for block in np.flatnonzero(self._dirty).tolist():
            span = slice(block * BLOCK, (block + 1) * BLOCK)
            if block in self._pickle or self._counts[span].max() > self._room:
                self._counts[span] = 0
                self._log[span] = 0.0
                yield f"{_RIVER}/{block}", pickle.dumps(self._of(block), protocol=5)
            yield f"{_LOG}/{block}", pack(self._kept(span))
        self._dirty[:] = 0
        self._pickle.clear()

    def _kept(self, span: slice) -> list[_Array]:
        return [self._counts[span], self._log[span], self._turned[span]]

    def load_block(self, key: str, value: bytes) -> None:
        """Put a record of ``take_blocks`` back."""
        kind, number = key.split("/")
        block = int(number)
        while (block + 1) * BLOCK > len(self._detectors):
            self._reserve(2 * len(self._detectors))
        if kind == _RIVER:
            self._loaded[block] = value
            return
        span = slice(block * BLOCK, (block + 1) * BLOCK)
        self._counts[span], self._log[span], self._turned[span] = unpack(value, self._kept(span), key)

    def finish_load(self) -> None:
        """Unpickle, and learn the logs again.

        Raises
        ------
        CheckpointError
            If a pickle is not one of ours (it is only ever read from our own checkpoints).
        """
        for block, value in self._loaded.items():
            try:
                loaded = pickle.loads(value)  # noqa: S301
            except (pickle.UnpicklingError, EOFError, AttributeError, ImportError) as error:
                raise CheckpointError(f"drift detectors of block {block} cannot be read: {error}") from error
            for detector in loaded:
                _share_texts(detector)
            self._detectors[block * BLOCK : (block + 1) * BLOCK] = loaded
        self._loaded.clear()
        for slot in np.flatnonzero(self._counts).tolist():
            detector = self._detectors[slot]
            if detector is None:
                detector = self._detectors[slot] = self._make()
            for value in self._log[slot, : self._counts[slot]].tolist():
                detector.update(value)
