"""What an outage would do: to the budget, and which alerts it would raise when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from schemas.slo_events import SloStatus
from slo.burn import Transition
from slo.definition import Slo
from slo.engine import Engine, member_of
from slo.evaluate import OFFLINE
from slo.packing import COLUMNS, FloatArray
from slo.profiles import period_s
from slo.recorded import Counts
from slo.slices import BAD, TOTAL


class Outage(BaseModel):
    """Something that goes wrong: which share of the events is bad, and for how long."""

    model_config = ConfigDict(frozen=True)
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    length_s: Annotated[int, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of it.

    Parameters
    ----------
    start_ms, end_ms
        From when to when it lasted, whole slices.
    before, after
        How the objective stood when it began, and when it ended.
    alerts
        Turns of alerts from its start on, until what it raised could end again.
    """

    start_ms: int
    end_ms: int
    before: SloStatus
    after: SloStatus
    alerts: tuple[Transition, ...]

    def body(self) -> dict[str, Any]:
        """All of it as plain values, alerts with the seconds since the outage began."""
        budgets = [
            one.model_dump(mode="json", exclude_none=True, include={"budgets"}) for one in (self.before, self.after)
        ]
        turns = [asdict(one) | {"after_s": (one.at_ms - self.start_ms) / 1000} for one in self.alerts]
        return {
            "slo": self.after.slo,
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "before": budgets[0]["budgets"],
            "after": budgets[1]["budgets"],
            "alerts": turns,
        }


def steady(slo: Slo, per_second: float, end_ms: int) -> Counts:
    """A period of so much traffic, all of it good, that ends at a time."""
    slices = np.zeros((-(-period_s(slo.window) // slo.slice_s), COLUMNS))
    slices[:, TOTAL] = per_second * slo.slice_s
    slice_ms = slo.slice_s * 1000
    return Counts((end_ms // slice_ms - len(slices)) * slice_ms, slices)


def simulate(slo: Slo, history: Counts, outage: Outage) -> Simulation:
    """Let an outage begin where a history ends.

    Traffic goes on as it was in the history's last hour; after the outage all of it is good, for as long as the
    longest short window, after which no burn alert can be open.

    Examples
    --------
    >>> from slo.definition import RatioIndicator, RollingWindow, Source
    >>> ratio = RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests"))
    >>> month = RollingWindow(duration_s=30 * 86_400)
    >>> fields = {"method": "Occurrences", "target": 0.999, "window": month, "slice_s": 60}
    >>> slo = Slo(name="checkout", service="shop", indicator=ratio, **fields)
    >>> found = simulate(slo, steady(slo, 100.0, 1_795_446_000_000), Outage(length_s=600))
    >>> round(found.after.budget("own").remaining, 4), found.alerts[0].alert, found.body()["alerts"][0]["after_s"]
    (0.7685, 'page-quick', 60.0)
    """
    slice_ms = slo.slice_s * 1000
    engine = Engine([slo], OFFLINE)
    engine.on_runs(history.start_ms, {slo.key: history.slices})
    before = engine.status(slo.key)
    usual = _usual(history.slices, slo.slice_s)
    rows = -(-outage.length_s // slo.slice_s)
    start_ms = history.start_ms + len(history.slices) * slice_ms
    end_ms = start_ms + rows * slice_ms
    during = engine.on_runs(start_ms, {slo.key: _rows(rows, usual, outage.share)})
    after = engine.status(slo.key)
    assert before is not None
    assert after is not None
    short_s = max((tier.short_s for tier in member_of(slo).tiers), default=0)
    rest = engine.on_runs(end_ms, {slo.key: _rows(short_s // slo.slice_s + 2, usual, 0.0)})
    return Simulation(start_ms, end_ms, before.event(), after.event(), (*during.alerts, *rest.alerts))


def _usual(slices: FloatArray, slice_s: int) -> float:
    """Events in a slice of the last hour."""
    last = slices[-max(1, 3600 // slice_s) :, TOTAL]
    measured = last[~np.isnan(last)]
    return float(measured.mean()) if measured.size else 0.0


def _rows(count: int, total: float, share: float) -> FloatArray:
    slices = np.zeros((count, COLUMNS))
    slices[:, TOTAL] = total
    slices[:, BAD] = total * share
    return slices
