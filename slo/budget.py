"""What may go wrong, how much of that has, and how long the rest lasts.

An error budget is the share ``1 - target`` of all events of a period. Of what happened so far ``remaining`` is left,
and it is not cut off at zero. Early in a month, or in an SLO's life, that says little: the first bad event of a
hundred has spent ten budgets of 99.9 %. So alerts go by ``remaining_of_period``: what is left of the whole period's
budget if the rest of it sees as much traffic as the part that is counted. Once a rolling period is full, both agree.

Without events nothing is defined, and every figure is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from slo.definition import Unknown
from slo.packing import FloatArray
from slo.slices import BAD, TOTAL, UNKNOWN

UNKNOWN_AS: Final[dict[Unknown, tuple[float, float]]] = {"ignore": (0.0, 0.0), "good": (0.0, 1.0), "bad": (1.0, 1.0)}
"""What an unknown event, or slice, adds to bad and to total."""
_Z_80: Final = 1.2815515655446004
"""A normal variable is within so many deviations of its mean four times out of five."""


def budget_of(target: float) -> float:
    """The share that may be bad, of a target that was written in decimals.

    Examples
    --------
    >>> budget_of(0.999), 1 - 0.999
    (0.001, 0.0010000000000000009)
    """
    return float(1 - Decimal(repr(target)))


def allowed_s(target: float, period_s: int) -> float:
    """How long everything may be bad in a period, in seconds.

    Examples
    --------
    >>> allowed_s(0.9995, 30 * 86_400) / 60
    21.6
    """
    return float((1 - Decimal(repr(target))) * period_s)


class Counted(NamedTuple):
    """Bad events, or slices, and all of them, with the unknown ones where a policy puts them."""

    bad: FloatArray
    total: FloatArray


def counted(counts: FloatArray, unknown_bad: FloatArray, unknown_total: FloatArray) -> Counted:
    """Apply policies, one a slot, to counts of shape (..., slots, columns).

    Good events that came a slice before the total that holds them are bad ones too few at the edge of a window; there
    are never less than none, and never more than all.
    """
    unknown, total = counts[..., UNKNOWN], counts[..., TOTAL]
    bad = np.minimum(np.maximum(counts[..., BAD], 0.0), total)
    return Counted(bad + unknown * unknown_bad, total + unknown * unknown_total)


def error_ratio(of: Counted) -> FloatArray:
    """Bad of all; NaN where there are none."""
    ratio: FloatArray = np.divide(of.bad, of.total, out=np.full(of.total.shape, np.nan), where=of.total > 0)
    return ratio


def consumed(of: Counted, budget: FloatArray) -> FloatArray:
    """How much of the budget of what happened so far is spent: 1 is all of it.

    Examples
    --------
    >>> float(1 - consumed(Counted(np.array([3.0]), np.array([10_000.0])), np.array([0.001]))[0])
    0.7
    """
    spent: FloatArray = np.divide(of.bad, of.total * budget, out=np.full(of.total.shape, np.nan), where=of.total > 0)
    return spent


def remaining_of_period(spent: FloatArray, covered_s: FloatArray, length_s: float) -> FloatArray:
    """What is left of a whole period's budget, at the traffic so far.

    Parameters
    ----------
    spent
        Of the budget of what happened so far.
    covered_s, length_s
        How much of the period is counted, and all of it.
    """
    return 1.0 - spent * np.minimum(covered_s / length_s, 1.0)


def time_to_exhaustion(
    left: FloatArray, budget: FloatArray, allowed: FloatArray, period: tuple[float, float], recent: Sequence[Counted]
) -> FloatArray:
    """When the budget is gone if it burns on as it did in recent windows: shape (3, slots), in seconds.

    In each window it burned at some rate (the error ratio by the budget), and at that rate the rest of it lasts
    ``left * period / rate``. The answer is the median over the windows, from the soonest of them to the latest, each
    taken further by chance: of ``bad`` events in a window, and ``left * allowed`` to come, as many more or fewer as a
    Poisson stream brings four times out of five. What will leave a rolling period is not counted on. Beyond the
    horizon the answer is NaN: a rate of 1 never ends a rolling budget.

    Parameters
    ----------
    left, allowed
        Of the whole period's budget: the share that is left, and how many bad events it is.
    budget
        ``1 - target``.
    period
        Its length, and how far ahead to look: a rolling one's length, the rest of a calendar's.
    recent
        Counts of some windows.

    Returns
    -------
    FloatArray
        As likely sooner as later; the ends of an interval that holds four times out of five.
    """
    length_s, horizon_s = period
    left = np.maximum(left, 0.0)
    to_come = np.maximum(left * allowed, 1.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        lasts = np.array([left * length_s * budget * one.total / one.bad for one in recent])
        lasts[np.isnan(lasts)] = math.inf
        wide = np.array([np.exp(_Z_80 * np.sqrt(1.0 / one.bad + 1.0 / to_come)) for one in recent])
        soon = np.min(np.where(np.isinf(lasts), math.inf, lasts / wide), axis=0)
        found = np.array([np.median(lasts, axis=0), soon, np.max(lasts * wide, axis=0)])
    spent = left <= 0.0
    found[:, spent] = 0.0
    found[~(found <= horizon_s)] = np.nan
    return found
