"""Times as they cross the API: RFC 3339 outside, milliseconds since the epoch inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import PlainSerializer

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
# A far end that a client counts from its largest number lies beyond what a datetime holds.
LAST_MS: Final = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // _MS


def rfc3339(at_ms: int) -> str:
    """A moment as Alertmanager writes it.

    Examples
    --------
    >>> rfc3339(1_795_446_000_250)
    '2026-11-23T15:00:00.250Z'
    """
    moment = _EPOCH + min(at_ms, LAST_MS) * _MS
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def ms_of(moment: datetime) -> int:
    """A moment in milliseconds; one without a zone is in UTC.

    Examples
    --------
    >>> ms_of(datetime(2026, 11, 23, 15, 0, 0, 250_000))
    1795446000250
    """
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MS


def given_ms(moment: datetime | None) -> int | None:
    """A moment in milliseconds; None where it is absent, or the year 1, which Go writes for absent.

    Examples
    --------
    >>> given_ms(datetime(1, 1, 1)) is None, given_ms(None) is None
    (True, True)
    """
    return None if moment is None or moment.year == 1 else ms_of(moment)


Moment = Annotated[int, PlainSerializer(rfc3339, return_type=str)]
"""Milliseconds that are written as RFC 3339."""
