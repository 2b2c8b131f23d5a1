"""What a sample adds to the slice of an objective; compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from slo.counting.layout import (
    AT_MOST,
    LESS,
    LINK,
    MORE,
    PART_BAD,
    PART_GOOD,
    ROWS,
    SPENT_ROWS,
    TO_SAVE,
    TO_TELL,
    TOTAL_OF_GOOD,
    VALUE,
)
from streams.jit import kernel
from streams.layout import Number


@kernel
def _compares(value: float, entry: Any) -> Number:
    if entry.compare == LESS:
        return bool(value < entry.value)
    if entry.compare == AT_MOST:
        return bool(value <= entry.value)
    if entry.compare == MORE:
        return bool(value > entry.value)
    return bool(value >= entry.value)


@kernel
def _add(entry: Any, slo: Any, time_ms: int, counts: Any, spent: Any) -> Number:
    """Add to the slice of a time; whether that slice still takes counts."""
    bad, total, unknown = counts
    row = time_ms // slo.slice_ms
    if row < slo.top - slo.late_rows or time_ms < slo.since_ms or time_ms >= slo.until_ms:
        return False
    at = row % ROWS
    slo.cells[at, 0] += bad
    slo.cells[at, 1] += total
    slo.cells[at, 2] += unknown
    slo.touched[at] = TO_TELL | TO_SAVE
    if row < slo.closed:
        slo.late = 1
    if bad != 0.0 and row > slo.top - SPENT_ROWS:
        spent[entry.pair, row % SPENT_ROWS] += bad
    return True


@kernel
def _add_amount(entry: Any, slo: Any, time_ms: int, amount: float, spent: Any) -> Number:
    """What a counter's growth, or an amount, adds."""
    if entry.op == PART_GOOD:
        return _add(entry, slo, time_ms, (-amount, 0.0, 0.0), spent)
    if entry.op == PART_BAD:
        return _add(entry, slo, time_ms, (amount, 0.0, 0.0), spent)
    if entry.op == TOTAL_OF_GOOD:
        return _add(entry, slo, time_ms, (amount, amount, 0.0), spent)
    return _add(entry, slo, time_ms, (0.0, amount, 0.0), spent)


@kernel
def add_value(entry: Any, slo: Any, sample: Any, sign: float, spent: Any) -> Number:
    """What a sample adds that is compared."""
    time_ms, value = sample
    if np.isnan(value):
        return _add(entry, slo, time_ms, (0.0, 0.0, sign), spent)
    return _add(entry, slo, time_ms, (0.0 if _compares(value, entry) else sign, sign, 0.0), spent)


@kernel
def add_sample(entry: Any, slo: Any, sample: Any, grown: float, sign: float, spent: Any) -> Number:
    """What a sample adds to an objective: it may be compared, be an amount, or say how much a counter grew before."""
    time_ms, value = sample
    if entry.op == VALUE:
        return add_value(entry, slo, sample, sign, spent)
    if entry.op == LINK:
        return True
    if entry.amount == 0:
        return True if np.isnan(grown) else _add_amount(entry, slo, time_ms - 1, sign * grown, spent)
    return True if np.isnan(value) else _add_amount(entry, slo, time_ms, sign * max(value, 0.0), spent)
