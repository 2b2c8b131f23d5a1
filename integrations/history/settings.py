"""What may be set about history."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class HistorySettings(BaseModel):
    """What is kept of objectives, their alerts and incidents, as Parquet by tenant and day."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    folder: Path | None = Field(
        None,
        description="Folder of the Parquet files, made where it is missing; without one no history is kept. `up` keeps "
        "it in its data directory.",
        json_schema_extra={"made": True},
    )
    days: int = Field(396, ge=1, le=36_500, description="So long it is kept; older days are deleted.")
    status_every_s: int = Field(
        60, ge=5, le=3600, description="Of how an objective stood, the last of every so many seconds is kept."
    )
    flush_s: float = Field(
        60.0, ge=1, le=3600, description="So long a record may wait for its file; that much is read again after a kill."
    )
