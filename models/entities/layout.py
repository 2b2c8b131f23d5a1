"""How an entity lies in memory: one record of fixed width, 14 KiB."""

from __future__ import annotations

from typing import Final

import numpy as np

from streams.layout import Array

MEMBERS: Final = 32
"""Series that are judged together, at most."""
LEAST: Final = 3
"""Series that an entity needs before it has a record, and before it is judged."""
PENDING: Final = 16
"""Minutes for which values can wait."""
PATIENCE: Final = 8
"""A member that lags so many minutes behind waits alone; and one that comes, or comes back, counts so much later."""
HOUR: Final = 60
"""Minutes between two looks at members, correlations and limits."""
BINS: Final = 96
STATISTICS: Final = 2
DENSE, SPARSE = range(STATISTICS)
"""How far all members are from fitting together, and how far the worst one is."""
DUE, LATER = 1, 2
"""Members are to be chosen at the next full hour, or at the one after it."""
LOWEST, HIGHEST = 0.25, 32.0
"""Ends of the bins that a statistic's tail is counted in."""

ENTITY: Final = np.dtype(
    [
        ("count", "i4"),  # members
        ("choose", "u1"),  # whether members are to be chosen anew
        ("state", "u1"),
        ("severity", "u1"),
        ("dirty", "u1"),
        ("minute", "i8"),  # the newest that was judged, since 1970; 0 for none
        ("front", "i8"),  # the newest that any series closed
        ("judged", "i8"),  # minutes that the tails know
        ("hits", "i4"),
        ("clear", "i4"),
        ("started", "i8"),  # minutes, as all times here
        ("cleared", "i8"),
        ("told", "i8"),
        ("score", "f8"),
        ("peak", "f8"),
        ("told_peak", "f8"),
        ("lead", "u8"),  # the series that fitted least when the episode began
        ("limit", "f8", (STATISTICS,)),  # 0 while it is not known
        ("id", "u8", (MEMBERS,)),  # ascending
        ("closed", "i8", (MEMBERS,)),  # the newest minute that a member closed
        ("since", "i8", (MEMBERS,)),  # from which minute on it counts
        ("learned", "i4", (MEMBERS,)),
        ("fitted", "u1", (MEMBERS,)),  # whether the precision knows it
        ("mean", "f8", (MEMBERS,)),
        ("var", "f8", (MEMBERS,)),
        ("level", "f8", (MEMBERS,)),  # of the last few minutes, in spreads
        ("ring", "f8", (PENDING, MEMBERS)),  # minutes' means that wait; NaN for none
        ("cov", "f4", (MEMBERS, MEMBERS)),  # of the levels
        ("precision", "f4", (MEMBERS, MEMBERS)),  # of the levels in their own spreads
        ("tail", "f4", (STATISTICS, BINS)),
    ],
    align=True,
)
"""All that is known of an entity's series together."""

BY_MEMBER: Final = ("id", "closed", "since", "learned", "fitted", "mean", "var", "level")
"""Fields that have a value a member."""

PARAMS: Final = np.dtype(
    [
        ("mean_minutes", "f8"),
        ("cov_minutes", "f8"),
        ("warm", "i8"),  # minutes a member must have learned, and as many that the tails must know
        ("smooth", "f8"),
        ("clip", "f8"),
        ("shrink", "f8"),
        ("risk", "f8"),
        ("hits", "i8"),
        ("clear", "i8"),
        ("clear_level", "f8"),
        ("freeze", "i8"),
        ("silent", "i8"),
        ("every", "i8"),
        ("growth", "f8"),
        ("warning", "f8"),
    ],
    align=True,
)
"""``EntitySettings`` for compiled code; times in minutes."""

FINDING: Final = np.dtype(
    [
        ("entity", "i8"),
        ("row", "i8"),  # of the batch
        ("code", "i8"),
        ("at", "i8"),  # minutes
        ("started", "i8"),
        ("ended", "i8"),
        ("lead", "u8"),
        ("severity", "i8"),
        ("score", "f8"),
        ("peak", "f8"),
        ("limit", "f8"),  # of one member alone
        ("count", "i8"),
        ("judged", "i8"),
        ("id", "u8", (MEMBERS,)),
        ("away", "f8", (MEMBERS,)),  # from what the others suggest, in spreads; NaN where it has no say
        ("value", "f8", (MEMBERS,)),
        ("expected", "f8", (MEMBERS,)),
        ("spread", "f8", (MEMBERS,)),
    ],
    align=True,
)
"""What compiled code found."""


def make_entities(count: int) -> Array:
    """Records of which nothing is known."""
    made = np.zeros(count, ENTITY)
    made["ring"] = np.nan
    return made
