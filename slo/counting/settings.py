"""What may be set about counting."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class CountingSettings(BaseModel):
    """When a slice is over, and how late a sample still counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    lateness_s: Annotated[int, Field(ge=0, le=600, description="So late a sample is still counted in its slice.")] = 600
    grace_s: Annotated[float, Field(ge=0, le=60, description="So long after its end a slice is told.")] = 2.0
