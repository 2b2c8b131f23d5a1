"""How objectives stand: budgets of periods, burn rates of windows, when the budget is gone, who spent it."""

from __future__ import annotations

from functools import cached_property
from math import isnan
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from schemas.slo_events import PeriodName, SloStatus
from slo.bank import Bank, Opened
from slo.budget import Counted, consumed, error_ratio, remaining_of_period, time_to_exhaustion
from slo.burn import FROZEN, OK, PRIORITIES
from slo.ledger import KEPT_NAMES, Line
from slo.packing import COLUMNS, FloatArray
from slo.slices import NEVER, UNKNOWN
from slo.windows import PERIODS_S

SPENDERS_TOLD: Final = 3
_NEVER_MS: Final = NEVER
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


class _PeriodColumns(NamedTuple):
    """The same as lists: a million small reads of arrays would cost more than all the sums."""

    head: dict[str, Any]
    bad: list[float]
    total: list[float]
    unknown: list[float]
    ratio: list[float]
    spent: list[float]
    of_period: list[float]


class _WindowColumns(NamedTuple):
    length_s: int
    bad: list[float]
    total: list[float]
    ratio: list[float]
    rate: list[float]


class _Columns(NamedTuple):
    periods: list[_PeriodColumns]
    windows: list[_WindowColumns]
    since_ms: list[int]
    absent: list[bool]
    eta: list[list[float]]
    sla_left: list[float]
    firing: set[int]


class Status(NamedTuple):
    """How an objective stands, as the body of an ``SloStatus``: ten thousand of them are made every slice."""

    slo: str
    at_ms: int
    body: dict[str, Any]

    def to_bytes(self) -> bytes:
        """The record's value."""
        return msgspec.json.encode(self.body)

    def event(self) -> SloStatus:
        """The same, typed."""
        return SloStatus.model_validate(self.body)


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

    def status(self, slot: int) -> Status:
        """What is told of one SLO."""
        bank = self._bank
        slo = bank.members[slot].slo
        opened = bank.opened(slot) if slot in self._columns.firing else {}
        p50, soonest, latest = (one[slot] for one in self._columns.eta)
        body = {
            "v": 1,
            "tenant": slo.tenant,
            "slo": slo.name,
            "service": slo.service,
            "at_ms": self.at_ms,
            "slice_s": bank.spec.shape.slice_s,
            "target": slo.target,
            "no_data": self._columns.absent[slot],
            "budgets": [self._budget(one, slot) for one in self._columns.periods],
            "burn": [self._burn(one, slot) for one in self._columns.windows],
            "spenders": [one._asdict() for one in self.spenders(slot, SPENDERS_TOLD)] if self._has_names(slot) else [],
            "firing": list(opened),
            "open": [_open(name, one) for name, one in opened.items()],
        }
        if not isnan(soonest):
            ends = (("p50_s", p50), ("low_80_s", soonest), ("high_80_s", latest))
            body["exhausted_in"] = {name: value for name, value in ends if not isnan(value)}
        if slo.sla is not None:
            body["sla"] = slo.sla
            left = self._columns.sla_left[slot]
            body |= {} if isnan(left) else {"sla_remaining": left}
        return Status(slo.key, self.at_ms, body)

    def spenders(self, slot: int, limit: int = KEPT_NAMES) -> list[Line]:
        """Who spent an SLO's own budget; the lines add up to all that was spent."""
        bank = self._bank
        own = bank.spec.own
        spent = float(self.counted.bad[own, slot])
        if spent <= 0:
            return []
        counts = self.counts[own, slot]
        return bank.ledgers[slot].lines(
            bank.sums.first_row(own) * self._slice_ms,
            spent,
            unknown=float(counts[UNKNOWN] * bank.params.unknown_bad[slot]),
            pending=bank.pending(slot),
            allowed=float(self._whole[slot] * bank.params.budget[slot]),
            limit=limit,
        )

    def _has_names(self, slot: int) -> bool:
        return bool(self._bank.unentered.get(slot)) or not self._bank.ledgers[slot].is_empty

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
        whole = self._whole
        period = bank.sums.period
        horizon_s = (period.end_ms - self.at_ms) / 1000 if period else own.length_s
        counts = [Counted(self.counted.bad[one], self.counted.total[one]) for one in windows]
        allowed = np.nan_to_num(whole * bank.params.budget)
        return time_to_exhaustion(own.of_period, bank.params.budget, allowed, (own.length_s, horizon_s), counts)

    @cached_property
    def _whole(self) -> FloatArray:
        """All events of the own period, if the rest of it sees as much traffic."""
        own = self.periods[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            whole: FloatArray = self.counted.total[own.number] * own.length_s / np.minimum(own.covered_s, own.length_s)
        return whole

    def _budget(self, period: _PeriodColumns, slot: int) -> dict[str, Any]:
        bad, total = period.bad[slot], period.total[slot]
        since_ms = self._columns.since_ms[slot]
        body = period.head | {"good": total - bad, "bad": bad, "total": total, "unknown": period.unknown[slot]}
        if period.head["start_ms"] < since_ms < _NEVER_MS:
            body["since_ms"] = since_ms
        if total > 0:
            spent = period.spent[slot]
            body["compliance"] = 1.0 - period.ratio[slot]
            body["consumed"] = spent
            body["remaining"] = 1.0 - spent
            body["remaining_of_period"] = period.of_period[slot]
        return body

    def _burn(self, window: _WindowColumns, slot: int) -> dict[str, Any]:
        body = {"window_s": window.length_s, "bad": window.bad[slot], "total": window.total[slot]}
        if window.total[slot] > 0:
            body["error_ratio"] = window.ratio[slot]
            body["burn_rate"] = window.rate[slot]
        return body

    @cached_property
    def _columns(self) -> _Columns:
        bank = self._bank
        tier_windows = sorted({one for tier in bank.spec.tiers for one in tier})
        return _Columns(
            periods=[self._period_columns(one) for one in self.periods],
            windows=[self._window_columns(one) for one in tier_windows],
            since_ms=[one * self._slice_ms for one in bank.store.since.tolist()],
            absent=self.absent.tolist(),
            eta=self.eta.tolist(),
            sla_left=self.sla_left.tolist(),
            firing=set(np.flatnonzero((bank.lanes.state != OK).any(axis=0)).tolist()),
        )

    def _period_columns(self, period: _Period) -> _PeriodColumns:
        bank, number = self._bank, period.number
        calendar = bank.sums.period if number == len(bank.sums.rows) else None
        start_ms = max(0, bank.sums.first_row(number) * self._slice_ms)
        head = {
            "period": period.name,
            "start_ms": calendar.start_ms if calendar else start_ms,
            "end_ms": calendar.end_ms if calendar else self.at_ms,
        }
        arrays = (self.counted.bad[number], self.counted.total[number], self.counts[number, :, UNKNOWN])
        return _PeriodColumns(head, *(one.tolist() for one in (*arrays, period.ratio, period.spent, period.of_period)))

    def _window_columns(self, length_s: int) -> _WindowColumns:
        number = self._bank.spec.rolling_s.index(length_s)
        arrays = (self.counted.bad[number], self.counted.total[number], self.ratio[number])
        rate = self.ratio[number] / self._bank.params.budget
        return _WindowColumns(length_s, *(one.tolist() for one in (*arrays, rate)))


def _open(name: str, one: Opened) -> dict[str, Any]:
    head = {"alert": name, "kind": one.kind, "priority": PRIORITIES[one.priority], "started_ms": one.started_ms}
    return head | {"frozen": one.state == FROZEN}
