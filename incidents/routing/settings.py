"""What may be set about routing: where its file lies, and how much people are told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.bounds import LONGEST_S
from schemas.events import Priority

SUBJECT = "routing"
"""Subject of the setting that brings the routing of a file to the stage that decides by it."""


class RoutingSettings(BaseModel):
    """Who is told of what."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    file: Path | None = Field(
        None, description="Routes and receivers in the shape of alertmanager.yml; what ships where absent."
    )


class FatigueSettings(BaseModel):
    """How people are kept from being told too much: ``fatigue`` in the file of routes.

    Examples
    --------
    >>> FatigueSettings().suppress_s, FatigueSettings().series_per_minute
    (1800, 2)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    suppress_s: float = Field(
        default=1800, ge=0, le=LONGEST_S, description="A node's and signal's next alert so soon after the last is held."
    )
    flap_changes: int = Field(
        default=4, ge=2, le=1000, description="An alert that begins and ends so often in the window is flapping."
    )
    flap_window_s: float = Field(default=1800, gt=0, le=LONGEST_S, description="The window of flap_changes.")
    tenant_per_minute: float = Field(
        default=120, gt=0, le=1_000_000, description="Notifications of a tenant; more are summarised."
    )
    team_per_minute: float = Field(
        default=30, gt=0, le=1_000_000, description="Notifications of a team; more are summarised."
    )
    series_per_minute: float = Field(
        default=2, gt=0, le=1_000_000, description="Notifications of one alert's series; more are summarised."
    )
    burst_minutes: float = Field(
        default=5, ge=1, le=1440, description="How many quiet minutes' notifications may come at once."
    )
    digest_priorities: Annotated[
        list[Priority], Field(description="Alerts that a receiver's digest gathers; others are told at once.")
    ] = ["P2", "P3"]
    persist_s: float = Field(
        default=0, ge=0, le=LONGEST_S, description="An alert that ends sooner is not escalated to anybody."
    )
