"""When an objective speaks: multi-window, multi-burn-rate alerts, budgets that run low, an SLA that is broken, silence.

After the Google SRE Workbook, chapter 5 (https://sre.google/workbook/alerting-on-slos/): a tier fires while the error
ratios of a long and of a short window are both above ``factor * (1 - target)``; the short one lets it end soon.

Every alert of every SLO goes through one table:

========  ========  ========  ========  ========
state     above     quiet     below     absent
========  ========  ========  ========  ========
ok        firing    ok        ok        ok
firing    firing    firing    ok        frozen
frozen    firing    frozen    ok        frozen
========  ========  ========  ========  ========

``quiet`` says nothing: too few events to begin an alert, a window without events, or a budget between where an alert
begins and where it ends. ``absent``: nothing is measured. That neither begins nor ends an alert; it raises one of its
own, ``no-data``, once it has lasted as long as an outage takes to trip the fastest tier, and at least two minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from schemas.events import Priority
from schemas.ids import event_id
from schemas.slo_events import AlertKind, SloAlert
from slo.budget import Counted, error_ratio
from slo.packing import FloatArray
from slo.slices import BoolArray

State = Literal["ok", "firing", "frozen"]
Signal = Literal["above", "quiet", "below", "absent"]
Kind = AlertKind
STATES: Final[tuple[State, ...]] = get_args(State)
SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)
PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)

TRANSITIONS: Final[Mapping[tuple[State, Signal], State]] = MappingProxyType(
    {
        ("ok", "above"): "firing",
        ("ok", "quiet"): "ok",
        ("ok", "below"): "ok",
        ("ok", "absent"): "ok",
        ("firing", "above"): "firing",
        ("firing", "quiet"): "firing",
        ("firing", "below"): "ok",
        ("firing", "absent"): "frozen",
        ("frozen", "above"): "firing",
        ("frozen", "quiet"): "frozen",
        ("frozen", "below"): "ok",
        ("frozen", "absent"): "frozen",
    }
)
LOW_BUDGET: Final = 0.25
"""With less of the budget left, what would be P1 is P0."""
HYSTERESIS: Final = 0.02
"""An alert of a share that is left ends once so much more of the budget is left."""
LEAST_ABSENCE_S: Final = 120
_SLACK: Final = 1e-9
"""A ratio that equals its threshold but for the rounding of floats is not above it."""

ABOVE, QUIET, BELOW, ABSENT = range(4)
OK, FIRING, FROZEN = range(3)
_NEXT: Final = np.array([[STATES.index(TRANSITIONS[was, seen]) for seen in SIGNALS] for was in STATES], np.int8)

Codes = npt.NDArray[np.int8]


class Turn(NamedTuple):
    """A change of one alert's state or priority at one of some slices."""

    step: int
    lane: int
    slot: int
    was: int
    now: int
    priority: int
    started_ms: int
    open_ms: tuple[int, ...]
    """By lane, when the alert began that was open then; 0 where none was."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A turn in the life of an alert, as the world is told of it.

    Parameters
    ----------
    id
        Of the episode: SLO, alert and start.
    slo, alert, kind
        Whose and which: a tier's name, ``budget-0.25``, ``sla`` or ``no-data``.
    state, priority, frozen
        Start, update (of the priority, or that it froze or thawed) or end.
    at_ms, started_ms
        Ends of slices, event time.
    since_ms
        When the oldest alert began of those that were open with it: of tiers and ``no-data``, or of budgets and SLA.
    long_ratio, short_ratio, burn_rate, budget_left
        Error ratios of the tier's windows, the long one's burn rate, and the share of the whole period's budget that
        is left; None where undefined.
    """

    id: str
    slo: str
    alert: str
    kind: Kind
    state: Literal["start", "update", "end"]
    priority: Priority
    frozen: bool
    at_ms: int
    started_ms: int
    since_ms: int | None = None
    long_ratio: float | None = None
    short_ratio: float | None = None
    burn_rate: float | None = None
    budget_left: float | None = None

    def event(self) -> SloAlert:
        """The same for a topic."""
        tenant, _, name = self.slo.rpartition("/")
        return SloAlert(tenant=tenant, **(asdict(self) | {"slo": name}))


def episode_id(slo: str, alert: str, started_ms: int) -> str:
    """The id of an alert's episode.

    Examples
    --------
    >>> episode_id("default/checkout", "page-quick", 0) == episode_id("default/checkout", "page-quick", 0)
    True
    """
    return event_id("slo", slo, alert, started_ms)


def absence_s(factor: float, budget: float, long_s: int) -> float:
    """How long nothing is measured before that is said: as long as an outage takes to trip the tier, in seconds.

    Examples
    --------
    >>> absence_s(14.4, 0.001, 3600), absence_s(14.4, 0.01, 3600)
    (120, 518.4)
    """
    return max(LEAST_ABSENCE_S, round(factor * budget * long_s, 9))


def threshold(factor: FloatArray, budget: FloatArray) -> FloatArray:
    """The error ratio above which a tier speaks."""
    return factor * budget * (1.0 + _SLACK)


def burn_signals(windows: tuple[Counted, Counted], limit: FloatArray, enough: BoolArray, measured: BoolArray) -> Codes:
    """What a tier's windows say; all of one shape, (rows, slots).

    Parameters
    ----------
    windows
        Counts of the long one and of the short one.
    limit
        From ``threshold``.
    enough
        Whether there are enough events to begin an alert.
    measured
        Whether anything was measured within the short window: without events then nothing is failing.
    """
    long, short = (error_ratio(one) for one in windows)
    above = (long > limit) & (short > limit)
    below = (long <= limit) | (short <= limit) | (np.isnan(short) & measured)
    return np.where(above & enough, ABOVE, np.where(below, BELOW, QUIET)).astype(np.int8)


def share_signals(left: FloatArray, share: FloatArray, enough: BoolArray) -> Codes:
    """What the budget that is left says of a share of it, with hysteresis; NaN says nothing.

    More than all of it is never left: an alert of a share near 1 ends once nothing of the budget is spent.
    """
    above = (left <= share + _SLACK) & enough
    below = left >= np.minimum(share + HYSTERESIS, 1.0)
    return np.where(above, ABOVE, np.where(below, BELOW, QUIET)).astype(np.int8)


class Lanes:
    """The states of all alerts, as arrays of shape (lanes, slots).

    Parameters
    ----------
    lanes, slots
        Alerts of one SLO, and SLOs.
    """

    def __init__(self, lanes: int, slots: int) -> None:
        self.state = np.zeros((lanes, slots), np.int8)
        self.priority = np.zeros((lanes, slots), np.int8)
        self.started_ms = np.zeros((lanes, slots), np.int64)

    def run(self, signals: Codes, wanted: Codes, ends_ms: npt.NDArray[np.int64]) -> list[Turn]:
        """Apply the signals of consecutive slices, shape (rows, lanes, slots).

        Parameters
        ----------
        signals
            Codes of ``SIGNALS``.
        wanted
            The priority that each alert has now; one that is open is raised, never lowered.
        ends_ms
            When the slices end.
        """
        turns: list[Turn] = []
        at = 0
        while at < len(signals):
            following = _NEXT[self.state, signals[at:]]
            raised = (following == FIRING) & (self.state != OK) & (wanted[at:] < self.priority)
            turned = (following != self.state) | raised
            hits = turned.any(axis=(1, 2))
            if not hits.any():
                break
            skip = int(hits.argmax())
            at += skip
            turns += self._apply(at, turned[skip], following[skip], (wanted[at], int(ends_ms[at])))
            at += 1
        return turns

    def grow(self, slots: int) -> None:
        """Have room for more SLOs."""
        more = ((0, 0), (0, slots - self.state.shape[1]))
        self.state, self.priority = np.pad(self.state, more), np.pad(self.priority, more)
        self.started_ms = np.pad(self.started_ms, more)

    def clear(self, slot: int) -> None:
        """Forget one SLO's."""
        self.state[:, slot] = self.priority[:, slot] = self.started_ms[:, slot] = 0

    def _apply(self, step: int, turned: BoolArray, following: Codes, then: tuple[Codes, int]) -> list[Turn]:
        wanted, end_ms = then
        turns = []
        for lane, slot in np.argwhere(turned).tolist():
            was, now = int(self.state[lane, slot]), int(following[lane, slot])
            if was == OK:
                self.started_ms[lane, slot], self.priority[lane, slot] = end_ms, wanted[lane, slot]
            elif now == FIRING:
                self.priority[lane, slot] = min(self.priority[lane, slot], wanted[lane, slot])
            self.state[lane, slot] = now
            then_so = int(self.priority[lane, slot]), int(self.started_ms[lane, slot])
            turns.append(Turn(step, lane, slot, was, now, *then_so, open_ms=()))
        opened = np.where(self.state != OK, self.started_ms, 0)
        return [turn._replace(open_ms=tuple(opened[:, turn.slot].tolist())) for turn in turns]
