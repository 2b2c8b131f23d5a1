"""When the signals of an entity no longer fit together."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.entities.layout import PARAMS
from schemas.bounds import LONGEST_S, MOST_TIMES
from streams.layout import Array


class EntitySettings(BaseModel):
    """Several signals of one entity, judged together a minute at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    enabled: bool = True
    memory_s: Annotated[float, Field(ge=3600, le=2_592_000, description="Time constant of what is usual together.")] = (
        259_200.0
    )
    warmup_s: Annotated[
        float, Field(ge=3600, le=LONGEST_S, description="Half of it a series is learned, then half of it the limit.")
    ] = 86_400.0
    smooth_minutes: Annotated[
        float, Field(ge=1, le=30, description="Time constant of the levels that are compared.")
    ] = 3.0
    clip: Annotated[
        float, Field(gt=1, le=MOST_TIMES, description="A minute's mean counts as no further away, in spreads.")
    ] = 5.0
    shrink: Annotated[
        float, Field(gt=0, lt=1, description="Share of every series that others are not believed to explain.")
    ] = 0.1
    risk: Annotated[
        float, Field(gt=0, lt=0.01, description="Share of minutes that the learned limit lets beyond it.")
    ] = 1e-5
    minutes: Annotated[int, Field(ge=1, le=60, description="Anomalous minutes in a row that begin an anomaly.")] = 3
    clear_minutes: Annotated[int, Field(ge=1, le=60, description="Minutes below the clear level that end it.")] = 5
    clear_level: Annotated[float, Field(gt=0, le=1, description="A score below this counts as recovered.")] = 0.8
    max_freeze_s: Annotated[
        float, Field(gt=0, le=LONGEST_S, description="After so long what is so now is accepted, and learned.")
    ] = 21_600.0
    silent_s: Annotated[
        float, Field(ge=600, le=LONGEST_S, description="An entity without closed minutes ends what is open.")
    ] = 900.0
    every_s: Annotated[
        float, Field(ge=60, le=LONGEST_S, description="What goes on says so again at the latest after so long.")
    ] = 900.0
    growth: Annotated[float, Field(gt=0, le=MOST_TIMES, description="And when the peak has grown by this share.")] = (
        0.25
    )
    warning: Annotated[
        float, Field(ge=1, le=MOST_TIMES, description="Score from which it is a warning, else it informs.")
    ] = 1.5

    def record(self) -> Array:
        """``PARAMS [1]``."""
        record = np.zeros(1, PARAMS)
        fields = {
            "mean_minutes": self.memory_s / 180.0,
            "cov_minutes": self.memory_s / 60.0,
            "warm": int(self.warmup_s // 120),
            "smooth": 1.0 / self.smooth_minutes,
            "clip": self.clip,
            "shrink": self.shrink,
            "risk": self.risk,
            "hits": self.minutes,
            "clear": self.clear_minutes,
            "clear_level": self.clear_level,
            "freeze": int(self.max_freeze_s // 60),
            "silent": int(self.silent_s // 60),
            "every": int(self.every_s // 60),
            "growth": self.growth,
            "warning": self.warning,
        }
        for name, value in fields.items():
            record[name][0] = value
        return record
