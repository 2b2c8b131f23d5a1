"""What a new series is taken to be like until it has shown itself: how far its metric family usually spreads.

A prior holds from an event time on: a series is judged by the one that held at its first sample, whatever came since.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streams.jit import kernel
from streams.layout import Number, Row

PRIORS: Final = 4
"""The shipped prior of a family, and the last few that replaced it."""
FAMILY_PRIOR: Final[list[tuple[str, str, tuple[int, ...]]]] = [
    ("prior_from_ms", "i8", (PRIORS,)),  # in order; unused ones are never reached
    ("prior", "f8", (PRIORS, 2)),  # spread within an hour: in the family's unit, and as a share of the level
]
"""What a family's record holds of it; two zeros are no prior."""
_HOUR: Final = 2
_HOUR_MS: Final = 3_600_000.0
_NEVER_MS: Final = 2**59


@kernel
def _is_new(row: Row) -> Number:
    """Whether the series has neither an hour's baseline nor a level that was accepted as the new one."""
    return row.base_ready[_HOUR] == 0 and row.since_ms <= row.first_ms


@kernel
def prior_spread(row: Row, center: float, family: Row) -> Number:
    """How far a series of its family lies from an hour's center, usually; 0 where nothing is known."""
    held = 0
    for at in range(1, PRIORS):
        if family.prior_from_ms[at] <= row.first_ms:
            held = at
    return max(family.prior[held, 0], family.prior[held, 1] * abs(center))


@kernel
def warm_up(row: Row, window: int, params: Row, family: Row) -> Number:
    """For how long a series must have been seen: with a prior, as long as it takes to have the samples."""
    warmup_ms = params.warmup_ms[window]
    if window > 0 or warmup_ms >= _NEVER_MS or not _is_new(row):
        return warmup_ms
    return 0 if prior_spread(row, row.value, family) > 0.0 else warmup_ms


@kernel
def with_prior(row: Row, window: int, center: float, spread: float, family: Row) -> Number:
    """A new series' spread: its own, and the family's as far as an hour is not over yet; never less than its own."""
    if window > 0 or not _is_new(row):
        return spread
    prior = prior_spread(row, center, family)
    own = min(1.0, (row.newest_ms - row.first_ms) / _HOUR_MS)
    return np.sqrt(max(spread * spread, own * spread * spread + (1.0 - own) * prior * prior))
