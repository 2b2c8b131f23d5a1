"""What may be set about SLOs."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from slo.remote_write_settings import RemoteWriteSettings


class SloSettings(BaseModel):
    """Where the definitions of SLOs lie, how often it is told how they stand, and where to."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    folder: Path | None = Field(
        None,
        description=(
            "Folder of OpenSLO files, seen from where the command runs: FOLDER/*.yaml are of `tenant`, "
            "FOLDER/TENANT/*.yaml of the tenant of that name. "
            "A file that is bad is refused whole, and what it last said stays in force."
        ),
    )
    shipped: bool = Field(
        True, description="With the SLOs that ship: a definition of yours of the same name takes its place."
    )
    remote_write: RemoteWriteSettings = Field(
        default_factory=RemoteWriteSettings, description="Figures of SLOs, written to Prometheus."
    )
    reload_every_s: float = Field(
        5.0, ge=0.2, le=3600, description="How often a worker of the role burn looks whether files have changed."
    )
    status_every_s: int = Field(5, ge=1, le=3600, description="How often it is told where each budget stands.")
