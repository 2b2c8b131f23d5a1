"""What goes wrong: from a quiet recording to a faulty one, from each series' onset on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.planted.signals import DAY_S, Floats, Recording

Shape = Callable[[Recording, Floats, float], Recording]
"""A recording, the seconds since each series' onset (negative before it), the size; to the faulty recording."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble.

    Parameters
    ----------
    name
        In keys.
    direction
        1 or -1 if only an anomaly that way counts as finding it, else 0.
    shape
        What it does.
    lasts_s
        How long; forever unless said.
    """

    name: str
    direction: int
    shape: Shape
    lasts_s: float = np.inf

    def plant(self, recording: Recording, since_s: Floats, size: float) -> Recording:
        """The same recording with the fault in it; the one given is not changed."""
        inside = np.where(since_s < self.lasts_s, since_s, -1.0)
        return self.shape(recording, inside, size)


def _step(recording: Recording, since_s: Floats, size: float) -> Recording:
    return replace(recording, path=recording.path + np.where(since_s >= 0, size, 0.0))


def _ramp(recording: Recording, since_s: Floats, size: float) -> Recording:
    return replace(recording, path=recording.path + size * np.maximum(since_s, 0.0) / 3600)


def _trend(recording: Recording, since_s: Floats, size: float) -> Recording:
    return replace(recording, path=recording.path + size * np.maximum(since_s, 0.0) / DAY_S)


def _widen(recording: Recording, since_s: Floats, size: float) -> Recording:
    return replace(recording, noise=recording.noise * np.where(since_s >= 0, size, 1.0))


def _freeze(recording: Recording, since_s: Floats, _size: float) -> Recording:
    """The last value before the onset, again and again."""
    last = np.maximum((since_s < 0).cumprod(axis=1).sum(axis=1, dtype=np.int64) - 1, 0)
    held = recording.values[np.arange(len(last)), last][:, None]
    frozen = since_s >= 0
    return replace(
        recording,
        path=np.where(frozen, held, recording.path),
        noise=np.where(frozen, 0.0, recording.noise),
    )


def _stop(recording: Recording, since_s: Floats, _size: float) -> Recording:
    """No sample: NaN, which is left out before the detect stage sees it."""
    return replace(recording, noise=np.where(since_s >= 0, np.nan, recording.noise))


STEP = Fault("step", 1, _step)
DROP = Fault("drop", -1, _step)
RAMP = Fault("ramp", 1, _ramp)
TREND = Fault("trend", 1, _trend)
WIDEN = Fault("widen", 0, _widen)
FREEZE = Fault("freeze", 0, _freeze)
STOP = Fault("stop", 0, _stop)


def lasting(fault: Fault, lasts_s: float, name: str = "") -> Fault:
    """The same for a while."""
    return replace(fault, lasts_s=lasts_s, name=name or fault.name)
