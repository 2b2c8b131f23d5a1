"""Gaussian scorer: how far a value lies in the tails of a normal distribution of the latest values."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from river import anomaly

from models.river import RiverScorer

_NEAR: float = 1e-12


class GaussianScorerSettings(BaseModel):
    """How many values make the distribution, and how far is too far."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    window_size: Annotated[int, Field(ge=10, le=10_000, description="Latest values that make the distribution.")] = 300
    warmup_samples: Annotated[int, Field(ge=2, description="Values before it may speak.")] = 60
    limit: Annotated[float, Field(gt=0, description="Standard deviations that score 1.0.")] = 5.0


class GaussianScorer(RiverScorer):
    """River's Gaussian scorer, its tail probability told in standard deviations.

    For a series that is known to be bell-shaped and without a cycle; the five windows need neither.

    Examples
    --------
    >>> detector = GaussianScorer()
    >>> for at in range(100):
    ...     detector.learn_one(at, 10.0 + (at % 2))
    >>> detector.score_one(100, 10.5) < 1.0 < detector.score_one(100, 30.0)
    True

    References
    ----------
    https://riverml.xyz/latest/api/anomaly/GaussianScorer/
    """

    name: ClassVar[str] = "gaussian_scorer"
    Settings: ClassVar[type[BaseModel]] = GaussianScorerSettings

    def make(self) -> Any:
        """River's object."""
        make: Any = anomaly.GaussianScorer  # River has no types here
        return make(window_size=self.settings.window_size, grace_period=0)

    def raw_score(self, value: float) -> float:
        """Distance from the mean in standard deviations: River's probability saturates at eight of them.

        Both from the values that River keeps: its own sums never lose what a spike's going leaves in them.
        """
        window = self.river.gaussian.window
        values = np.fromiter((given[0] for given, _ in window), np.float64, len(window))
        mean, sigma = float(values.mean()), float(values.std(ddof=1))
        away, near = abs(value - mean), _NEAR * max(1.0, abs(mean))
        return away / max(sigma, near) if away > near and math.isfinite(sigma) else 0.0
