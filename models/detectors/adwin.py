"""ADWIN: a window that shrinks when its two halves differ."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from river import drift

from models.river import RiverDrift


class AdwinSettings(BaseModel):
    """How sure it must be."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    delta: Annotated[float, Field(gt=0, lt=1, description="Chance of a false alarm at a check.")] = 1e-5


class Adwin(RiverDrift):
    """River's ADWIN.

    Examples
    --------
    >>> detector = Adwin()
    >>> for minute in range(200):
    ...     detector.learn_one(minute * 60_000, 0.0 if minute < 100 else 3.0)
    ...     if detector.score_one(minute * 60_000, 0.0) > 1:
    ...         print(minute)
    ...         break
    127

    References
    ----------
    https://riverml.xyz/latest/api/drift/ADWIN/
    """

    name: ClassVar[str] = "adwin"
    Settings: ClassVar[type[BaseModel]] = AdwinSettings

    def make(self) -> Any:
        """River's object."""
        make: Any = drift.ADWIN
        return make(delta=self.settings.delta)

    def told(self, river: Any) -> dict[str, float]:
        """Minutes in its window, and their mean."""
        return {"minutes": float(river.width), "mean": float(river.estimation)}
