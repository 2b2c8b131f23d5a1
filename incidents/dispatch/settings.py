"""What may be set about the route stage beside the file of routes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from incidents.accuracy import AccuracySettings
from incidents.dispatch.links import problem_of
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
    links: dict[str, str] = Field(
        default_factory=dict,
        max_length=10,
        description="Addresses that notifications carry, by what is behind them: of logs, of a dashboard. A `{label}` "
        "is filled in with a label of the most urgent alert, `{from_ms}` and `{to_ms}` with the time; where one is "
        "absent the address is left out.",
    )
    tenant: str = Field(
        default="default", min_length=1, description="Whose alert it is that nobody is on call in a schedule."
    )

    @field_validator("links")
    @classmethod
    def _addresses(cls, links: dict[str, str]) -> dict[str, str]:
        for name, address in links.items():
            if problem := problem_of(address):
                raise ValueError(f"the link {name} leads nowhere: {problem}")
        return links
