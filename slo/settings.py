"""What may be set about SLOs."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from slo.remote_write_settings import RemoteWriteSettings


class SloSettings(BaseModel):
    """Where the definitions of SLOs lie, and where their figures go."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    folder: Path | None = Field(
        None,
        description=(
            "Folder of OpenSLO files: FOLDER/*.yaml are of `tenant`, FOLDER/TENANT/*.yaml of the tenant of that name. "
            "A file that is bad is refused whole, and what it last said stays in force."
        ),
    )
    shipped: bool = Field(
        True, description="With the SLOs that ship: a definition of yours of the same name takes its place."
    )
    remote_write: RemoteWriteSettings = Field(
        default_factory=RemoteWriteSettings, description="Figures of SLOs, written to Prometheus."
    )
