"""A report: what is on its page, whatever it is written as."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from schemas.events import Priority
from schemas.slo_events import BudgetShare, PeriodBudget, TimeToExhaustion

Points = tuple[tuple[int, float | None], ...]
"""Times in ms and values; None is a gap."""


@dataclass(frozen=True, slots=True)
class Day:
    """What became of a day of UTC.

    Parameters
    ----------
    start_ms
        Its midnight.
    bad, total
        Events, or slices; None where nothing is known of the day.
    compliance
        Good of all; None without events.
    is_whole
        Whether all of it was seen, or only what there is so far.
    """

    start_ms: int
    bad: float | None
    total: float | None
    compliance: float | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class BurnPanel:
    """How fast the budget burned in one window.

    Parameters
    ----------
    window_s
        Its length.
    points
        The burn rate over time.
    now, peak, peak_ms
        In the end, and when it was highest.
    threshold
        Above which an alert begins, if both its windows are; None where no definition says so.
    """

    window_s: int
    points: Points
    now: float | None
    peak: float | None
    peak_ms: int | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert from its start to its end; without one it is open.

    Parameters
    ----------
    peak_burn
        The highest burn rate that it told of.
    left
        Of the budget, as it was last told.
    """

    id: str
    alert: str
    kind: str
    priority: Priority
    start_ms: int
    end_ms: int | None
    peak_burn: float | None
    left: float | None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that names the objective; ``spent`` is the share of the period's budget that went while it lasted."""

    id: str
    title: str
    priority: Priority
    state: str
    start_ms: int
    end_ms: int | None
    spent: float | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """All of one objective.

    Parameters
    ----------
    from_ms, to_ms
        The time that is shown.
    at_ms
        How it stood when: the last time that is known.
    says, good
        The objective and what is good, in words; of a definition that is not known as much as statuses tell.
    budget
        Of its own period, in the end.
    """

    key: str
    title: str
    service: str
    says: str
    good: str
    from_ms: int
    to_ms: int
    at_ms: int
    target: float
    sla: float | None
    sla_left: float | None
    no_data: bool
    budget: PeriodBudget
    exhausted_in: TimeToExhaustion | None
    days: tuple[Day, ...]
    left: Points
    burn: tuple[BurnPanel, ...]
    ledger: tuple[BudgetShare, ...]
    alerts: tuple[Episode, ...]
    incidents: tuple[Incident, ...]

    @property
    def met(self) -> bool | None:
        """Whether the objective is met; None without events."""
        return None if self.budget.compliance is None else self.budget.compliance >= self.target

    @property
    def verdict(self) -> str:
        """The same in a word."""
        return {True: "met", False: "missed", None: "no data"}[self.met]

    @property
    def open_alerts(self) -> int:
        """Alerts that have not ended."""
        return sum(one.end_ms is None for one in self.alerts)


@dataclass(frozen=True, slots=True)
class Report:
    """Objectives, the most urgent first."""

    objectives: tuple[Objective, ...]

    def body(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {"v": 1, "objectives": [_body(one) for one in self.objectives]}


def _body(one: Objective) -> dict[str, Any]:
    spent = {
        "budget": one.budget.model_dump(mode="json", exclude_none=True),
        "exhausted_in": None if one.exhausted_in is None else one.exhausted_in.model_dump(),
        "ledger": [share.model_dump() for share in one.ledger],
    }
    return {"met": one.met, **asdict(one), **spent}
