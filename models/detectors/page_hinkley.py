"""Page-Hinkley: a level that left its own mean by more than a tolerance, and stays away."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from river import drift

from models.river import RiverDrift


class PageHinkleySettings(BaseModel):
    """In spreads of the series, on closed minutes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    min_instances: Annotated[int, Field(ge=1, description="Minutes before it may speak.")] = 60
    delta: Annotated[float, Field(ge=0, description="Shift that is tolerated.")] = 0.5
    threshold: Annotated[float, Field(gt=0, description="Spread-minutes beyond it that make a drift.")] = 60.0


class PageHinkley(RiverDrift):
    """River's Page-Hinkley test.

    The default of the detect stage: 440 bytes a series and a pickle of 140, where ADWIN's takes 1,350.
    It is fed distances of closed minutes from what is usual at the hour, in sizes of what would matter; a shift of two
    sizes is found within about an hour.

    Examples
    --------
    >>> detector = PageHinkley()
    >>> for minute in range(200):
    ...     detector.learn_one(minute * 60_000, 0.0 if minute < 100 else 3.0)
    ...     if detector.score_one(minute * 60_000, 0.0) > 1:
    ...         print(minute)
    ...         break
    128

    References
    ----------
    https://riverml.xyz/latest/api/drift/PageHinkley/
    """

    name: ClassVar[str] = "page_hinkley"
    Settings: ClassVar[type[BaseModel]] = PageHinkleySettings

    def make(self) -> Any:
        """River's object."""
        own = self.settings
        # River's forgetting lets the sums of a calm series come to rest after some days; chance alone then crosses the
        # threshold.
        return drift.PageHinkley(own.min_instances, own.delta, own.threshold, alpha=1.0)

    def climbed(self, river: Any) -> tuple[float, float]:
        """How far the sums are from their lowest and highest: a shift begins where they turned.

        https://doi.org/10.1093/biomet/41.1-2.100
        """
        return river._sum_increase - river._min_increase, river._max_decrease - river._sum_decrease

    def told(self, river: Any) -> dict[str, float]:
        """Minutes since it began, their mean, and how far up and down it has come towards its threshold."""
        up, down = self.climbed(river)
        return {
            "minutes": float(river._x_mean.n),
            "mean": river._x_mean.get(),
            "up": max(0.0, up),
            "down": max(0.0, down),
            "threshold": river.threshold,
        }
