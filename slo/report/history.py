"""What a report is made of: how an objective stood over time, its alerts, the incidents that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from schemas.incident_events import Incident
from schemas.slo_events import SloAlert, SloStatus
from slo.definition import Slo
from slo.packing import FloatArray
from slo.slices import IntArray


class Burned(NamedTuple):
    """What a window held at each time: bad events, all of them, and how fast that burns; NaN where nothing is known."""

    bad: FloatArray
    total: FloatArray
    rate: FloatArray


@dataclass(frozen=True, slots=True)
class Course:
    """How an objective stood, as columns over time.

    Parameters
    ----------
    at_ms
        Ends of slices, rising.
    compliance, left
        Of the own period: good of all, and the share of the whole period's budget that is left.
    day
        What the 24 hours before held; its rate is not used.
    burn
        By a window's length in seconds.
    """

    at_ms: IntArray
    compliance: FloatArray
    left: FloatArray
    day: Burned
    burn: Mapping[int, Burned]


@dataclass(frozen=True, slots=True)
class SloHistory:
    """An objective's history.

    Parameters
    ----------
    newest
        How it stood in the end.
    course
        How it stood before.
    alerts
        Turns of its alerts, by time.
    incidents
        Those that name it.
    slo
        Its definition, where that is known: a report then says what is good, and where alerts begin.
    """

    newest: SloStatus
    course: Course
    alerts: Sequence[SloAlert] = ()
    incidents: Sequence[Incident] = ()
    slo: Slo | None = None


def course_of(statuses: Sequence[SloStatus]) -> Course:
    """The course of statuses, by time.

    Examples
    --------
    >>> course_of([]).at_ms.tolist()
    []
    """
    own = [status.budget("own") for status in statuses]
    days = [status.budget("daily") for status in statuses]
    windows = sorted({one.window_s for status in statuses for one in status.burn})
    burns = [{one.window_s: one for one in status.burn} for status in statuses]
    return Course(
        np.array([status.at_ms for status in statuses], np.int64),
        _floats([one.compliance for one in own]),
        _floats([one.remaining_of_period for one in own]),
        Burned(_floats([one.bad for one in days]), _floats([one.total for one in days]), _floats([None] * len(days))),
        {window_s: _burned([burn.get(window_s) for burn in burns]) for window_s in windows},
    )


def _burned(windows: Sequence[object]) -> Burned:
    return Burned(*(_floats([getattr(one, name, None) for one in windows]) for name in ("bad", "total", "burn_rate")))


def _floats(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], np.float64)
