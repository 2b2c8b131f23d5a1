"""What can be set of the serving store."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _checked_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("an address begins with redis://, rediss:// (TLS) or unix://")
    return url


class ServingSettings(BaseModel):
    """The latest state for readers, in Redis or Valkey.

    Examples
    --------
    >>> settings = ServingSettings(url=SecretStr("redis://:hidden@127.0.0.1:6379/0"))
    >>> "hidden" in repr(settings)
    False
    """

    # A validation error must not repeat what it was given: it may hold a password.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    url: Annotated[
        Annotated[SecretStr, AfterValidator(_checked_url)] | None,
        Field(
            description="Address of a Redis or Valkey with its password, redis://:PASSWORD@HOST:PORT/0; without one "
            "nothing is served from there. `up` starts its own."
        ),
    ] = None
    prefix: str = Field("metrics-ai:", max_length=100, description="Before each key of ours.")
    keep_s: int = Field(
        86_400, ge=60, le=31_536_000, description="So long alerts, incidents and silences are served after their end."
    )
    flush_s: float = Field(0.05, ge=0.01, le=10, description="So long a record may wait until it is served.")
    timeline_entries: int = Field(1000, ge=10, le=100_000, description="Kept of an incident, the newest.")
    updates: int = Field(2000, ge=10, le=1_000_000, description="Kept of a tenant for readers that come back.")
    timeout_s: float = Field(2.0, gt=0, le=60, description="So long an answer is waited for.")
