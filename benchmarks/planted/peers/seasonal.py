"""A plain seasonal z-score: each hour of the day has its own mean and standard deviation."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.planted.signals import DAY_MS, Floats, Signal, Times

_LEAST = 30


class HourOfDay:
    """Three standard deviations of all the samples before it that came in the same hour of the day."""

    name = "seasonal_z"

    def score(self, _signal: Signal, times_ms: Times, values: Floats) -> Floats:
        """Nothing where an hour has too few samples."""
        scores = np.zeros(len(values))
        moments = [(0, 0.0, 0.0)] * 24
        hours = (times_ms % DAY_MS // 3_600_000).tolist()
        for at, (hour, value) in enumerate(zip(hours, values.tolist(), strict=True)):
            count, mean, square = moments[hour]
            if count >= _LEAST and square > 0.0:
                scores[at] = abs(value - mean) / (3 * math.sqrt(square / count))
            away = value - mean
            mean += away / (count + 1)
            moments[hour] = count + 1, mean, square + away * (value - mean)
        return scores
