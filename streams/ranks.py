"""Medians of a few values."""

from __future__ import annotations

from typing import Any

from streams.jit import kernel
from streams.layout import Number


@kernel
def median_of(values: Any, count: int) -> Number:
    """Median of the first values, which are sorted in place (a few dozen at most, or nearly sorted)."""
    for i in range(1, count):
        one = values[i]
        j = i - 1
        while j >= 0 and values[j] > one:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = one
    half = count // 2
    return values[half] if count % 2 == 1 else 0.5 * (values[half - 1] + values[half])
