"""The five windows on one series: the detect stage's own judgement, a sample at a time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import BaseModel

from models.base import Detector
from models.params import family_records, make_work, no_maintenance, params_record, rule_records
from models.priors import PriorBook, shipped_priors
from models.settings import DetectSettings
from models.trace import NO_TRACE
from models.walk import walk
from streams.bank import blank
from streams.blocks import pack, unpack
from streams.layout import GAUGE, Array, make_slots

_SERIES = np.zeros(1, np.int32)


class FiveWindows(Detector):
    """The fused score of the windows 5m, 15m, 1h, 24h and 7d of a gauge of no known family.

    Runs the very code of ``models.walk`` on a single slot that begins as the stage's do, which runs it on many at once.

    Examples
    --------
    >>> detector = FiveWindows(DetectSettings(windows={"5m": {"warmup_s": 60}}))
    >>> scores = detector.run(1000 * np.arange(1, 200), np.append(np.tile([9.0, 11.0], 99), 40.0))
    >>> bool(scores[:-1].max() < 1 < scores[-1])
    True
    """

    name: ClassVar[str] = "five_windows"
    Settings: ClassVar[type[BaseModel]] = DetectSettings
    learns_anomalies: ClassVar[bool] = True

    def __init__(self, settings: BaseModel | None = None) -> None:
        super().__init__(settings)
        families = self.settings.all_families()
        priors = PriorBook(shipped_priors() if self.settings.shipped_priors else None)
        self._tables = (
            params_record(self.settings),
            family_records(families, priors),
            rule_records([]),
            no_maintenance(),
        )
        self._work = make_work()
        self._slots = make_slots(1)
        self._slots["kind"] = GAUGE
        self._slots["family"] = len(families) - 1
        blank(self._slots, _SERIES)

    def _step(self, slots: Array, time_ms: int, value: float) -> None:
        batch = (_SERIES, _SERIES, np.array([time_ms], np.int64), np.array([value], np.float64))
        walk(slots, batch, 0, self._tables, self._work, NO_TRACE)
        self._work["events"] = self._work["minutes"] = 0

    def score_one(self, time_ms: int, value: float) -> float:
        """The largest of the windows' scores; 0.0 before any of them speaks."""
        slots = self._slots.copy()
        self._step(slots, time_ms, value)
        return float(slots["score"][0])

    def learn_one(self, time_ms: int, value: float) -> None:
        """Apply a sample."""
        self._step(self._slots, time_ms, value)

    def snapshot(self) -> bytes:
        """The slot."""
        return pack([self._slots])

    def load(self, data: bytes) -> None:
        """Put a slot back."""
        self._slots[:] = unpack(data, [self._slots], self.name)[0]
