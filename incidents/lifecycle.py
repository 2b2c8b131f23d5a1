"""The life of an incident, as a table.

============  ========  ========  ========  ============  =============  =========  ========  ========
state         unrest    quiet     absorbed  acknowledge   unacknowledge  mitigate   resolve   review
============  ========  ========  ========  ============  =============  =========  ========  ========
open          open      resolved  merged    acknowledged  -              mitigated  resolved  -
acknowledged  (same)    resolved  merged    acknowledged  open           mitigated  resolved  -
mitigated     (same)    resolved  merged    acknowledged  open           -          resolved  -
resolved      open      resolved  merged    -             -              -          -         reviewed
reviewed      open      reviewed  merged    -             -              -          -         -
merged        -         -         -         -             -              -          -         -
============  ========  ========  ========  ============  =============  =========  ========  ========

``unrest``: an alert fires, or the last one ended less than ``resolve_after_s`` ago. ``quiet``: all alerts ended, and
so long ago by the newest tick; or a person resolved it, and no alert has begun since. ``absorbed``: it becomes a part
of an older incident. The others are what people say. What the table leaves out is refused. Nothing leaves ``merged``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from schemas.incident_events import EntryKind, IncidentState


class Seen(StrEnum):
    """What is seen of an incident, or said of it."""

    UNREST = "unrest"
    QUIET = "quiet"
    ABSORBED = "absorbed"
    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    MITIGATE = "mitigate"
    RESOLVE = "resolve"
    REVIEW = "review"


LIVING: Final[frozenset[IncidentState]] = frozenset({"open", "acknowledged", "mitigated"})
"""States of an incident that goes on."""

TRANSITIONS: Final[Mapping[tuple[IncidentState, Seen], IncidentState]] = MappingProxyType(
    {
        ("open", Seen.UNREST): "open",
        ("open", Seen.QUIET): "resolved",
        ("open", Seen.ABSORBED): "merged",
        ("open", Seen.ACKNOWLEDGE): "acknowledged",
        ("open", Seen.MITIGATE): "mitigated",
        ("open", Seen.RESOLVE): "resolved",
        ("acknowledged", Seen.UNREST): "acknowledged",
        ("acknowledged", Seen.QUIET): "resolved",
        ("acknowledged", Seen.ABSORBED): "merged",
        ("acknowledged", Seen.ACKNOWLEDGE): "acknowledged",
        ("acknowledged", Seen.UNACKNOWLEDGE): "open",
        ("acknowledged", Seen.MITIGATE): "mitigated",
        ("acknowledged", Seen.RESOLVE): "resolved",
        ("mitigated", Seen.UNREST): "mitigated",
        ("mitigated", Seen.QUIET): "resolved",
        ("mitigated", Seen.ABSORBED): "merged",
        ("mitigated", Seen.ACKNOWLEDGE): "acknowledged",
        ("mitigated", Seen.UNACKNOWLEDGE): "open",
        ("mitigated", Seen.RESOLVE): "resolved",
        ("resolved", Seen.UNREST): "open",
        ("resolved", Seen.QUIET): "resolved",
        ("resolved", Seen.ABSORBED): "merged",
        ("resolved", Seen.REVIEW): "reviewed",
        ("reviewed", Seen.UNREST): "open",
        ("reviewed", Seen.QUIET): "reviewed",
        ("reviewed", Seen.ABSORBED): "merged",
    }
)

Asked = Literal["acknowledged", "open", "mitigated", "resolved", "reviewed"]
MOVES: Final[Mapping[Asked, tuple[Seen, EntryKind]]] = MappingProxyType(
    {
        "acknowledged": (Seen.ACKNOWLEDGE, "acknowledged"),
        "open": (Seen.UNACKNOWLEDGE, "unacknowledged"),
        "mitigated": (Seen.MITIGATE, "mitigated"),
        "resolved": (Seen.RESOLVE, "resolved"),
        "reviewed": (Seen.REVIEW, "reviewed"),
    }
)
"""What a person says who wants an incident in a state, and how the timeline calls it."""


def allowed_from(state: IncidentState) -> list[Asked]:
    """Where a person may move an incident.

    Examples
    --------
    >>> allowed_from("open"), allowed_from("resolved")
    (['acknowledged', 'mitigated', 'resolved'], ['reviewed'])
    """
    return [asked for asked, (said, _) in MOVES.items() if (state, said) in TRANSITIONS]


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
