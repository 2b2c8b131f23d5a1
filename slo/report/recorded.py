"""The history that an objective would have had over a recording."""

from __future__ import annotations

from typing import Final

from schemas.slo_events import SloStatus
from slo.definition import Slo
from slo.engine import Engine
from slo.evaluate import OFFLINE
from slo.recorded import Counts
from slo.report.history import SloHistory, course_of

_STEPS_S: Final = (60, 300, 900, 1800, 3600)
_MOST_STATUSES: Final = 1500


def history_of(slo: Slo, counts: Counts) -> SloHistory:
    """Run the engine over counts, and look at it every minute, or every so many in a long recording.

    Examples
    --------
    >>> import numpy as np
    >>> from slo.definition import RatioIndicator, RollingWindow, Source
    >>> ratio = RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests"))
    >>> fields = {"method": "Occurrences", "target": 0.99, "window": RollingWindow(duration_s=30 * 86_400)}
    >>> slo = Slo(name="checkout", service="shop", indicator=ratio, slice_s=60, **fields)
    >>> found = history_of(slo, Counts(0, np.tile([1.0, 100.0, 0.0], (60, 1))))
    >>> len(found.course.at_ms), found.newest.budget("own").compliance
    (60, 0.99)
    """
    slice_ms = slo.slice_s * 1000
    step_ms = max(slice_ms, _step_ms(len(counts.slices) * slice_ms))
    engine = Engine([slo], OFFLINE)
    statuses: list[SloStatus] = []
    alerts = []
    at_ms, end_ms = counts.start_ms, counts.start_ms + len(counts.slices) * slice_ms
    while at_ms < end_ms:
        until_ms = min(end_ms, (at_ms // step_ms + 1) * step_ms)
        rows = slice((at_ms - counts.start_ms) // slice_ms, -(-(until_ms - counts.start_ms) // slice_ms))
        outcome = engine.on_runs(at_ms, {slo.key: counts.slices[rows]})
        alerts += [one.event() for one in outcome.alerts]
        at_ms = counts.start_ms + rows.stop * slice_ms
        status = engine.status(slo.key)
        assert status is not None
        statuses.append(status.event())
    return SloHistory(statuses[-1], course_of(statuses), tuple(alerts), (), slo)


def _step_ms(length_ms: int) -> int:
    return 1000 * next((one for one in _STEPS_S if length_ms // (one * 1000) <= _MOST_STATUSES), _STEPS_S[-1])
