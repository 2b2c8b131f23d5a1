"""Static thresholds: what a rule in a configuration can say."""

from __future__ import annotations

import numpy as np

from benchmarks.planted.peers.base import learned
from benchmarks.planted.signals import Floats, Signal, Times


class ThreeSigma:
    """Three standard deviations from the mean, both of the first day."""

    name = "three_sigma"

    def score(self, _signal: Signal, times_ms: Times, values: Floats) -> Floats:
        """Nothing on the first day."""
        first = learned(times_ms)
        day = values[:first]
        scores = np.abs(values - day.mean()) / (3 * day.std())
        scores[:first] = 0.0
        return scores


class FixedLimit:
    """Half as much again as the usual level, as somebody wrote down who knows it."""

    name = "fixed_limit"

    def score(self, signal: Signal, _times_ms: Times, values: Floats) -> Floats:
        """The value in limits."""
        return values / (1.5 * signal.level)
