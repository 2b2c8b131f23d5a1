"""What may be set about alert rules."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class RuleSettings(BaseModel):
    """Where alert rules lie."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    folder: Path | None = Field(
        None,
        description=(
            "Folder of alert rules: all *.yaml in it, by name, and in folders in it, which are tenants. A file that is "
            "bad is refused whole."
        ),
    )
    shipped: bool = Field(
        True, description="After yours the rules that ship; one of yours of the same name replaces it."
    )
