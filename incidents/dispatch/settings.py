"""What may be set about the route stage beside the file of routes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from incidents.accuracy import AccuracySettings
from schemas.bounds import LONGEST_S


class DispatchSettings(BaseModel):
    """What the route stage remembers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    retention_s: float = Field(
        default=86_400, gt=0, le=LONGEST_S, description="What is over is forgotten this long after its end."
    )
    silence_retention_s: float = Field(
        default=432_000, gt=0, le=LONGEST_S, description="A silence is forgotten this long after its end."
    )
    accuracy: AccuracySettings = Field(
        default_factory=AccuracySettings, description="How what people say of alerts makes their rules less urgent."
    )
    tenant: str = Field(
        default="default", min_length=1, description="Whose alert it is that nobody is on call in a schedule."
    )
