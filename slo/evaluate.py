"""What an objective would have said of a recording: the very engine of the burn stage, run over it at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from schemas.slo_events import SloStatus
from slo.burn import Transition
from slo.definition import Slo
from slo.engine import Engine, EngineSettings
from slo.recorded import Counts, Recording, counts_of

OFFLINE: Final = EngineSettings(block_rows=720, status_every_s=10**9)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What became of an objective.

    Parameters
    ----------
    start_ms, end_ms
        The slices that were looked at.
    status
        Budgets, and counts, error ratio and burn rate by window, at the end.
    alerts
        Every turn of every alert, by time.
    """

    start_ms: int
    end_ms: int
    status: SloStatus
    alerts: tuple[Transition, ...]

    @property
    def compliance(self) -> float | None:
        """Good of all in the own period at the end; None without events."""
        return self.status.budget("own").compliance

    @property
    def met(self) -> bool:
        """Whether the objective is met; without events it is not missed."""
        return self.compliance is None or self.compliance >= self.status.target

    def body(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "met": self.met,
            "compliance": self.compliance,
            **self.status.model_dump(mode="json", exclude_none=True, include={"slo", "target", "budgets", "burn"}),
            "exhausted_in": None if self.status.exhausted_in is None else self.status.exhausted_in.model_dump(),
            "alerts": [asdict(one) for one in self.alerts],
        }


def evaluate(slo: Slo, recording: Recording) -> Evaluation:
    """Evaluate an objective over recorded counters or samples.

    Raises
    ------
    ConfigurationError
        If the recording lacks series that the indicator is measured by.

    Examples
    --------
    An hour of samples a minute apart, three of them at 90 % or more, is 0.95.

    >>> import numpy as np
    >>> from slo.definition import RollingWindow, Source, ThresholdIndicator
    >>> from slo.recorded import Series
    >>> disk = ThresholdIndicator(source=Source(metric="disk_used_percent"), op="lt", value=90)
    >>> hour = RollingWindow(duration_s=3600)
    >>> fields = {"method": "Timeslices", "slice_s": 60, "slice_target": 1.0, "target": 0.999, "window": hour}
    >>> slo = Slo(name="disk", service="storage", indicator=disk, **fields)
    >>> used = np.where(np.arange(60) < 3, 93.0, 41.0)
    >>> evaluate(slo, {"value": [Series(np.arange(60) * 60_000, used)]}).compliance
    0.95
    """
    return evaluate_counts(slo, counts_of(slo, recording))


def evaluate_counts(slo: Slo, counts: Counts) -> Evaluation:
    """Evaluate an objective over counts of consecutive slices."""
    engine = Engine([slo], OFFLINE)
    outcome = engine.on_runs(counts.start_ms, {slo.key: counts.slices})
    status = engine.status(slo.key)
    assert status is not None
    end_ms = counts.start_ms + len(counts.slices) * slo.slice_s * 1000
    return Evaluation(counts.start_ms, end_ms, status.event(), tuple(outcome.alerts))
