"""What a peer is."""

from __future__ import annotations

from typing import Protocol

from benchmarks.planted.signals import DAY_S, Floats, Signal, Times

LEARN_S = float(DAY_S)


class Peer(Protocol):
    """One program; it keeps nothing from one series to the next."""

    @property
    def name(self) -> str:
        """In keys."""
        ...

    def score(self, signal: Signal, times_ms: Times, values: Floats) -> Floats:
        """Scores, shape ``[N]`` as times and values; of the signal, identity and level may be known."""
        ...


def learned(times_ms: Times) -> int:
    """How many samples the first day has."""
    return int((times_ms - times_ms[0] < LEARN_S * 1000).sum())
