"""The detect stage as it ships, with the evidence of each of its anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.planted.feed import TENANT, series_of
from benchmarks.planted.signals import Floats, Recording, Times
from models.confidence import Evidence
from models.detect import DetectOperator, DetectSettings
from models.verdict import WINDOWS_DETECTOR, Told, evidence_of
from schemas.batch import SampleBatch
from schemas.events import Anomaly
from schemas.series import Series

_STEP_MS = 3_600_000
SHIPPED = DetectSettings()


class Heard(NamedTuple):
    """A state of an anomaly of the five windows; of any other detector, without evidence."""

    case: int
    anomaly: Anomaly
    seen: Evidence | None


class Listening(DetectOperator):
    """An operator that keeps what it knew of each anomaly."""

    def __init__(self, settings: DetectSettings) -> None:
        super().__init__(settings, 0, 1)
        self.evidence: dict[tuple[str, str, int], Evidence] = {}

    def _anomaly(self, told: Told) -> Anomaly:
        one = super()._anomaly(told)
        if one.detector == WINDOWS_DETECTOR:
            self.evidence[one.id, one.state, one.at_ms] = evidence_of(told)
        return one


def heard(
    members: Sequence[Series], times_ms: Sequence[Times], values: Sequence[Floats], settings: DetectSettings = SHIPPED
) -> list[Heard]:
    """What the stage says of some series, an hour of all of them at a time."""
    operator = Listening(settings)
    case_of = {f"{one.id:016x}": case for case, one in enumerate(members)}
    ids, texts = np.array([one.id for one in members], np.uint64), [one.text for one in members]
    rows = np.concatenate([np.full(len(one), case, np.int32) for case, one in enumerate(times_ms)])
    times, every = np.concatenate(times_ms), np.concatenate(values)
    order = np.lexsort((rows, times))
    rows, times, every = rows[order], times[order], every[order]
    found: list[Heard] = []
    bounds = np.searchsorted(times, np.arange(times[0], times[-1] + _STEP_MS, _STEP_MS)[1:])
    for part in np.split(np.arange(len(times)), bounds):
        if not len(part):
            continue
        told = operator.step_batch(SampleBatch(TENANT, ids, texts, rows[part], times[part], every[part]))
        told += operator.on_tick(int(times[part[-1]]))
        for one in told:
            seen = operator.evidence.pop((one.id, one.state, one.at_ms), None)
            found.append(Heard(case_of[one.series_id], one, seen))
    return found


def heard_of(recording: Recording, settings: DetectSettings = SHIPPED) -> list[Heard]:
    """What it says of a generated recording."""
    values = recording.values
    present = np.isfinite(values)
    members = [series_of(recording.signal, case) for case in range(len(values))]
    return heard(
        members,
        [times[here] for times, here in zip(recording.times_ms, present, strict=True)],
        [one[here] for one, here in zip(values, present, strict=True)],
        settings,
    )
