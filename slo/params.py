"""In what SLOs agree, so that they share arrays, and in what they differ, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from slo.budget import UNKNOWN_AS, Counted, budget_of, counted
from slo.burn import LOW_BUDGET, PRIORITIES, absence_s, threshold
from slo.definition import BurnTier, CalendarWindow, Method, Slo, ThresholdIndicator
from slo.packing import FloatArray
from slo.profiles import period_s
from slo.slices import RATIO_SLACK, StoreShape
from slo.windows import PERIODS_S


class BankSpec(NamedTuple):
    """In what all SLOs of a bank agree."""

    shape: StoreShape
    tiers: tuple[tuple[int, int], ...]
    """Long and short windows, in seconds."""
    rolling_s: tuple[int, ...]
    calendar: CalendarWindow | None
    own_s: int
    """How long the SLOs' own period is, nominally."""
    shares: int
    """Alerts of budgets that run low."""

    @property
    def own(self) -> int:
        """The number of the own period's window."""
        return len(self.rolling_s) if self.calendar else self.rolling_s.index(self.own_s)

    @property
    def lanes(self) -> int:
        """Alerts of one SLO."""
        return len(self.tiers) + self.shares + 2


class Member(NamedTuple):
    """An SLO with the tiers of its policy."""

    slo: Slo
    tiers: tuple[BurnTier, ...]


def spec_of(member: Member, fine_s: int, lateness_s: int, rows: tuple[int, int]) -> BankSpec:
    """Where an SLO belongs; ``rows`` are those that can be closed at once, and those that can be open."""
    slo, tiers = member
    own_s = period_s(slo.window)
    rolling = {*PERIODS_S.values(), *(one for tier in tiers for one in (tier.long_s, tier.short_s))}
    calendar = slo.window if slo.window.kind == "calendar" else None
    if calendar is None:
        rolling.add(own_s)
    shape = StoreShape(
        method=judged_by(slo),
        slice_s=slo.slice_s,
        fine_s=fine_s,
        longest_s=max(own_s, *rolling),
        lateness_s=lateness_s,
        block_rows=rows[0],
        ahead_rows=rows[1],
    )
    pairs = tuple((tier.long_s, tier.short_s) for tier in tiers)
    return BankSpec(shape, pairs, tuple(sorted(rolling)), calendar, own_s, len(slo.alerts.remaining))


def judged_by(slo: Slo) -> Method:
    """How slices are judged: a quantile makes one event of all samples of a slice, whatever the method."""
    return "Timeslices" if _quantile(slo) is not None else slo.method


def slice_target_of(slo: Slo) -> float:
    """The share of good samples that a slice needs.

    A quantile lies below a bound if at least so large a share of the samples does; above it, if fewer than that do
    not. So good and bad samples, which add up over partitions, say all of it, exactly.
    """
    quantile = _quantile(slo)
    if quantile is None:
        return slo.slice_target or 1.0
    assert isinstance(slo.indicator, ThresholdIndicator)
    return quantile if slo.indicator.op in {"lt", "lte"} else 1.0 - quantile + 2 * RATIO_SLACK


def _quantile(slo: Slo) -> float | None:
    return slo.indicator.quantile if isinstance(slo.indicator, ThresholdIndicator) else None


def is_judged(slo: Slo) -> bool:
    """Whether people say what is good: while nobody speaks nothing happens, and nothing is missing."""
    return slo.indicator.kind == "derived" and slo.indicator.source == "alert_feedback"


def absence_of(member: Member) -> float:
    """How long nothing of an SLO is measured before that is said, in seconds: as its fastest tier takes."""
    budget = budget_of(member.slo.target)
    return min((absence_s(tier.factor, budget, tier.long_s) for tier in member.tiers), default=absence_s(0, 0, 0))


class Params:
    """What SLOs of a bank differ in, as arrays over slots."""

    def __init__(self, spec: BankSpec, slots: int) -> None:
        self.spec = spec
        self.budget = np.ones(slots)
        self.sla_budget = np.full(slots, np.nan)
        self.unknown_bad = np.zeros(slots)
        self.unknown_total = np.zeros(slots)
        self.limit = np.full((len(spec.tiers), slots), np.inf)
        self.min_events = np.zeros(slots)
        self.min_bad = np.zeros(slots)
        self.share = np.full((spec.shares, slots), np.nan)
        self.priority = np.full((spec.lanes, slots), len(PRIORITIES) - 1, np.int8)
        self.absence_rows = np.full(slots, np.inf)
        self.always = np.zeros(slots, bool)

    def put(self, slot: int, member: Member) -> None:
        """Take an SLO's."""
        slo, tiers = member
        self.budget[slot] = budget = budget_of(slo.target)
        self.sla_budget[slot] = np.nan if slo.sla is None else budget_of(slo.sla)
        self.unknown_bad[slot], self.unknown_total[slot] = UNKNOWN_AS[slo.unknown]
        factors = np.array([tier.factor for tier in tiers], np.float64)
        self.limit[:, slot] = threshold(factors, np.array(budget))
        guarded = slo.method == "Occurrences"
        self.min_events[slot] = slo.alerts.min_events if guarded else 0
        self.min_bad[slot] = slo.alerts.min_bad if guarded else 0
        self.share[:, slot] = slo.alerts.remaining
        named = [tier.priority for tier in tiers]
        named += ["P3" if share > LOW_BUDGET else "P2" for share in slo.alerts.remaining] + ["P1", "P2"]
        self.priority[:, slot] = [PRIORITIES.index(one) for one in named]
        self.always[slot] = is_judged(slo)
        wait_s = int(-(-absence_of(member) // 1))
        self.absence_rows[slot] = np.inf if self.always[slot] else self.spec.shape.rows(wait_s)

    def counted(self, counts: FloatArray) -> Counted:
        """Apply the policies for what is unknown."""
        return counted(counts, self.unknown_bad, self.unknown_total)

    def grow(self, slots: int) -> Params:
        """The same with room for more."""
        more = Params(self.spec, slots)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                getattr(more, name)[..., : value.shape[-1]] = value
        return more
