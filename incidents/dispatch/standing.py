"""How an alert stands on its way to people, as a table.

============  ==============  ============
state         what happens    becomes
============  ==============  ============
new           acknowledged    acknowledged
new           muted           suppressed
new           restless        flapping
new           given up        expired
new           ended           resolved
acknowledged  taken back      new
acknowledged  muted           suppressed
acknowledged  restless        flapping
acknowledged  given up        expired
acknowledged  ended           resolved
suppressed    unmuted         new
suppressed    restless        flapping
suppressed    given up        expired
suppressed    ended           resolved
flapping      settled         new
flapping      given up        expired
expired       fired           new
expired       ended           resolved
resolved      fired           new
============  ==============  ============

What is not in the table is refused, or says nothing new. ``muted``: a silence, another alert, a suppression or a
throttle holds it back; one that is acknowledged is so again once it is unmuted. ``restless``: it changed too often of
late; it counts as firing until it has settled, whatever it says. ``given up``: nobody spoke of it for long.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.notification_events import AlertStanding


class Turn(StrEnum):
    """What happens to an alert."""

    FIRED = "fired"
    ACKNOWLEDGED = "acknowledged"
    TAKEN_BACK = "taken back"
    MUTED = "muted"
    UNMUTED = "unmuted"
    RESTLESS = "restless"
    SETTLED = "settled"
    GIVEN_UP = "given up"
    ENDED = "ended"


TRANSITIONS: Final[Mapping[tuple[AlertStanding, Turn], AlertStanding]] = MappingProxyType(
    {
        ("new", Turn.ACKNOWLEDGED): "acknowledged",
        ("new", Turn.MUTED): "suppressed",
        ("new", Turn.RESTLESS): "flapping",
        ("new", Turn.GIVEN_UP): "expired",
        ("new", Turn.ENDED): "resolved",
        ("acknowledged", Turn.TAKEN_BACK): "new",
        ("acknowledged", Turn.MUTED): "suppressed",
        ("acknowledged", Turn.RESTLESS): "flapping",
        ("acknowledged", Turn.GIVEN_UP): "expired",
        ("acknowledged", Turn.ENDED): "resolved",
        ("suppressed", Turn.UNMUTED): "new",
        ("suppressed", Turn.RESTLESS): "flapping",
        ("suppressed", Turn.GIVEN_UP): "expired",
        ("suppressed", Turn.ENDED): "resolved",
        ("flapping", Turn.SETTLED): "new",
        ("flapping", Turn.GIVEN_UP): "expired",
        ("expired", Turn.FIRED): "new",
        ("expired", Turn.ENDED): "resolved",
        ("resolved", Turn.FIRED): "new",
    }
)


WHY: Final[Mapping[Turn, str]] = MappingProxyType(
    {
        Turn.FIRED: "it fires again",
        Turn.ACKNOWLEDGED: "somebody looks after it",
        Turn.TAKEN_BACK: "the acknowledgement was taken back",
        Turn.MUTED: "a silence or another alert mutes it",
        Turn.UNMUTED: "nothing mutes it any more",
        Turn.RESTLESS: "it began or ended too often of late",
        Turn.SETTLED: "it has settled",
        Turn.GIVEN_UP: "nobody spoke of it for long",
        Turn.ENDED: "it ended",
    }
)
"""What happens to an alert, as the audit says it."""


def turned(state: AlertStanding, *turns: Turn) -> AlertStanding:
    """Where some turns lead, those left out that say nothing new.

    Examples
    --------
    >>> turned("new", Turn.MUTED, Turn.ACKNOWLEDGED), turned("suppressed", Turn.UNMUTED, Turn.ACKNOWLEDGED)
    ('suppressed', 'acknowledged')
    """
    for turn in turns:
        state = TRANSITIONS.get((state, turn), state)
    return state
