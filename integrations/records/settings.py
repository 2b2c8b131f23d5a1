"""What can be set of the records."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _checked_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("an address begins with sqlite:/// or postgresql://")
    return url


def _checked_shifts(hours: tuple[int, ...]) -> tuple[int, ...]:
    if list(hours) != sorted(set(hours)) or not all(0 <= hour < 24 for hour in hours):
        raise ValueError("hours of a day from 0 to 23, each once, in order")
    return hours


class RecordsSettings(BaseModel):
    """Incidents, alerts, notifications and feedback of 13 months, in a database.

    Examples
    --------
    >>> settings = RecordsSettings(url=SecretStr("postgresql://ann:hidden@db/metrics"))
    >>> "hidden" in repr(settings)
    False
    """

    # A validation error must not repeat what it was given: it may hold a password.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    url: Annotated[
        Annotated[SecretStr, AfterValidator(_checked_url)] | None,
        Field(
            description="Of the database, sqlite:////FILE or postgresql://USER:PASSWORD@HOST/NAME; without one no "
            "records are kept. `up` keeps them in its data directory."
        ),
    ] = None
    days: int = Field(396, ge=1, le=36_500, description="So long they are kept; older ones are deleted.")
    flush_s: float = Field(1.0, ge=0.05, le=60, description="So long one may wait until it is written.")
    shift_starts_h: Annotated[
        tuple[int, ...],
        AfterValidator(_checked_shifts),
        Field(min_length=1, max_length=24, description="Hours (UTC) at which a shift begins."),
    ] = (6, 14, 22)
    timeout_s: float = Field(10.0, gt=0, le=60, description="So long a locked or silent database is waited for.")
