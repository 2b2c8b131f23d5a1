"""The detect stage as it ships, behind the peers' interface."""

from __future__ import annotations

import numpy as np

from benchmarks.planted.feed import Word, feed
from benchmarks.planted.signals import Floats, Recording, Signal, Times


class Ours:
    """Above 1.0 while an anomaly is open.

    Parameters
    ----------
    detector
        Count that one's anomalies alone.
    """

    def __init__(self, detector: str = "") -> None:
        self._detector = detector
        self.name = f"ours_{detector}" if detector else "ours"

    def score(self, signal: Signal, times_ms: Times, values: Floats) -> Floats:
        """2.0 or 0.0."""
        interval_s = float(np.median(np.diff(times_ms))) / 1000
        recording = Recording(signal, interval_s, times_ms[None], values[None], np.zeros((1, len(values))))
        words = [one for one in feed(recording, 86_400.0) if one.detector == self._detector or not self._detector]
        return open_scores(words, times_ms)


def open_scores(words: list[Word], times_ms: Times) -> Floats:
    """2.0 from an anomaly's start until the sample before its end; a drift, which has no length, on one sample."""
    scores = np.zeros(len(times_ms))
    ends = {one.id: one.at_ms for one in words if one.state == "end"}
    for word in words:
        if word.state == "start":
            first, last = np.searchsorted(times_ms, [word.at_ms, ends.get(word.id, int(times_ms[-1]) + 1)])
            scores[first : max(int(first) + 1, int(last))] = 2.0
    return scores
