"""What may be set about runbooks."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class RunbookSettings(BaseModel):
    """Where runbooks lie."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    folder: Path | None = Field(
        None,
        description=(
            "Folder of runbooks: all *.yaml in it, and in the folders in it. A file that is bad is refused whole."
        ),
    )
    shipped: bool = Field(True, description="With the runbooks that ship: one of yours of the same id takes its place.")
