"""The life of an incident, as a table.

========  ============  ========
state     what is seen  becomes
========  ============  ========
open      unrest        open
open      quiet         resolved
open      absorbed      merged
resolved  unrest        open
resolved  quiet         resolved
resolved  absorbed      merged
========  ============  ========

``unrest``: an alert fires, or the last one ended less than ``resolve_after_s`` ago. ``quiet``: all alerts ended, and
so long ago by the newest tick. ``absorbed``: later evidence links it to an older incident. Nothing leaves ``merged``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.incident_events import IncidentState


class Seen(StrEnum):
    """What is seen of an incident."""

    UNREST = "unrest"
    QUIET = "quiet"
    ABSORBED = "absorbed"


TRANSITIONS: Final[Mapping[tuple[IncidentState, Seen], IncidentState]] = MappingProxyType(
    {
        ("open", Seen.UNREST): "open",
        ("open", Seen.QUIET): "resolved",
        ("open", Seen.ABSORBED): "merged",
        ("resolved", Seen.UNREST): "open",
        ("resolved", Seen.QUIET): "resolved",
        ("resolved", Seen.ABSORBED): "merged",
    }
)


def seen_at(now_ms: int, firing: int, last_end_ms: int | None, resolve_after_ms: int) -> Seen:
    """What the newest tick shows.

    Examples
    --------
    >>> seen_at(40_000, 0, 10_000, 30_000).value, seen_at(39_999, 0, 10_000, 30_000).value
    ('quiet', 'unrest')
    """
    if firing or last_end_ms is None or now_ms < last_end_ms + resolve_after_ms:
        return Seen.UNREST
    return Seen.QUIET
