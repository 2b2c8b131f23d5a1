"""How objectives stand: budgets of periods, burn rates of windows, when the budget is gone, who spent it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from schemas.slo_events import BudgetShare, PeriodBudget, PeriodName, SloStatus, TimeToExhaustion, WindowBurn
from slo.bank import Bank
from slo.budget import Counted, consumed, error_ratio, remaining_of_period, time_to_exhaustion
from slo.burn import OK
from slo.packing import COLUMNS, FloatArray
from slo.slices import NEVER, UNKNOWN
from slo.windows import PERIODS_S

SPENDERS_TOLD: Final = 3
_RECENT_SHARE: Final = 1 / 30
"""Windows up to so much of the period say how it burns lately: an hour, six and a day of 30 days."""


class _Period(NamedTuple):
    """Figures of one period, arrays over slots."""

    name: PeriodName
    number: int
    length_s: float
    spent: FloatArray
    of_period: FloatArray
    ratio: FloatArray
    covered_s: FloatArray


class Figures:
    """The figures of all SLOs of a bank after the slice that it closed last.

    Parameters
    ----------
    bank
        Whose; it has closed a slice.
    """

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._row = bank.store.closed - 1
        self._slice_ms = bank.spec.shape.slice_s * 1000
        self.at_ms = (self._row + 1) * self._slice_ms
        totals = bank.sums.totals()
        self.counts = totals[..., :COLUMNS]
        self.counted = bank.params.counted(totals)
        self.ratio = error_ratio(self.counted)
        rows = np.array([self._row])
        self.absent = bank.absent(rows, bank.last)[0] | (bank.last <= -NEVER)
        self.sla_left = bank.left(totals[None], rows, bank.params.sla_budget)[0]
        self.periods = [self._period(name, number, length_s) for name, number, length_s in self._named()]
        self.eta = self._exhaustion()

    def status(self, slot: int) -> SloStatus:
        """What is told of one SLO."""
        bank = self._bank
        slo = bank.members[slot].slo
        eta = [_known(one) for one in self.eta[:, slot].tolist()]
        soonest, latest = eta[1:]
        return SloStatus.model_construct(
            tenant=slo.tenant,
            slo=slo.name,
            service=slo.service,
            at_ms=self.at_ms,
            target=slo.target,
            no_data=bool(self.absent[slot]),
            budgets=[self._budget(one, slot) for one in self.periods],
            burn=[self._burn(one, slot) for one in self._tier_windows()],
            exhausted_in=None
            if soonest is None
            else TimeToExhaustion.model_construct(p50_s=eta[0], low_80_s=soonest, high_80_s=latest),
            sla=slo.sla,
            sla_remaining=_known(float(self.sla_left[slot])),
            spenders=self.spenders(slot)[:SPENDERS_TOLD],
            firing=[bank.alert_of(slot, lane)[1] for lane in np.flatnonzero(bank.lanes.state[:, slot] != OK).tolist()],
        )

    def spenders(self, slot: int) -> list[BudgetShare]:
        """Who spent an SLO's own budget; the lines add up to all that was spent."""
        bank = self._bank
        own = bank.spec.own
        spent = float(self.counted.bad[own, slot])
        if spent <= 0:
            return []
        counts = self.counts[own, slot]
        lines = bank.ledgers[slot].lines(
            bank.sums.first_row(own) * self._slice_ms,
            spent,
            unknown=float(counts[UNKNOWN] * bank.params.unknown_bad[slot]),
            pending=bank.pending(slot) if bank.spenders else {},
            allowed=float(self.counted.total[own, slot] * bank.params.budget[slot]),
        )
        return [BudgetShare.model_construct(who=one.who, bad=one.bad, of_budget=one.of_budget) for one in lines]

    def _named(self) -> list[tuple[PeriodName, int, float]]:
        spec = self._bank.spec
        names: dict[PeriodName, float] = {"daily": PERIODS_S["daily"], "weekly": PERIODS_S["weekly"]}
        names["monthly"] = PERIODS_S["monthly"]
        found = [(name, spec.rolling_s.index(int(length_s)), length_s) for name, length_s in names.items()]
        return [*found, ("own", spec.own, self._bank.own_length_s)]

    def _period(self, name: PeriodName, number: int, length_s: float) -> _Period:
        covered = self._bank.covered_rows(number, np.array([self._row]))[0] * (self._slice_ms / 1000)
        spent = consumed(Counted(self.counted.bad[number], self.counted.total[number]), self._bank.params.budget)
        covered = np.maximum(covered, 0.0)
        of_period = remaining_of_period(spent, covered, length_s)
        return _Period(name, number, length_s, spent, of_period, self.ratio[number], covered)

    def _exhaustion(self) -> FloatArray:
        own = self.periods[-1]
        bank = self._bank
        recent = sorted({long_s for long_s, _ in bank.spec.tiers if long_s <= own.length_s * _RECENT_SHARE})
        recent = recent or [bank.spec.rolling_s[0]]
        windows = [bank.spec.rolling_s.index(one) for one in recent]
        with np.errstate(divide="ignore", invalid="ignore"):
            whole = self.counted.total[own.number] * own.length_s / np.minimum(own.covered_s, own.length_s)
        period = bank.sums.period
        horizon_s = (period.end_ms - self.at_ms) / 1000 if period else own.length_s
        counts = [Counted(self.counted.bad[one], self.counted.total[one]) for one in windows]
        allowed = np.nan_to_num(whole * bank.params.budget)
        return time_to_exhaustion(own.of_period, bank.params.budget, allowed, (own.length_s, horizon_s), counts)

    def _tier_windows(self) -> list[int]:
        windows = {one for tier in self._bank.spec.tiers for one in tier}
        return [self._bank.spec.rolling_s.index(one) for one in sorted(windows)]

    def _budget(self, period: _Period, slot: int) -> PeriodBudget:
        bank, number = self._bank, period.number
        bad, total = float(self.counted.bad[number, slot]), float(self.counted.total[number, slot])
        start_ms = bank.sums.first_row(number) * self._slice_ms
        calendar = bank.sums.period if number == len(bank.sums.rows) else None
        since = int(bank.store.since[slot])
        fields: dict[str, Any] = {
            "period": period.name,
            "start_ms": calendar.start_ms if calendar else max(0, start_ms),
            "end_ms": calendar.end_ms if calendar else self.at_ms,
            "since_ms": since * self._slice_ms if start_ms < since * self._slice_ms and since < NEVER else None,
            "good": total - bad,
            "bad": bad,
            "total": total,
            "unknown": float(self.counts[number, slot, UNKNOWN]),
        }
        if total > 0:
            spent = float(period.spent[slot])
            fields |= {
                "compliance": 1.0 - float(period.ratio[slot]),
                "consumed": spent,
                "remaining": 1.0 - spent,
                "remaining_of_period": float(period.of_period[slot]),
            }
        return PeriodBudget.model_construct(**fields)

    def _burn(self, number: int, slot: int) -> WindowBurn:
        ratio = _known(float(self.ratio[number, slot]))
        rate = None if ratio is None else ratio / float(self._bank.params.budget[slot])
        return WindowBurn.model_construct(
            window_s=self._bank.spec.rolling_s[number],
            bad=float(self.counted.bad[number, slot]),
            total=float(self.counted.total[number, slot]),
            error_ratio=ratio,
            burn_rate=rate,
        )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def by_period(status: SloStatus) -> Mapping[PeriodName, PeriodBudget]:
    """The budgets of a status by their period."""
    return {one.period: one for one in status.budgets}
