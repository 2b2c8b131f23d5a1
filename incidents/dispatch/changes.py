"""Changes, told to integrations that draw them beside incidents, where nobody is woken.

A change is told at the next tick, once: only then is it known how old it is. One that is older than what is remembered
is not told: a stage that begins anew reads the changes of many weeks.
"""

from __future__ import annotations

from typing import Final

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.telling import fitted_key
from incidents.routing.config import RoutingConfig
from incidents.routing.receivers import Integration, Receiver
from schemas.change_events import Change, NearestChange
from schemas.ids import event_id
from schemas.notification_events import Notification, NotificationContext

_REASON: Final = "a change"
_OF_CHANGE: Final = frozenset(NearestChange.model_fields)


class ChangeTelling:
    """Remembers changes, and tells each to whoever draws them.

    Parameters
    ----------
    book
        What is known.
    config
        Receivers.
    retention_ms
        How old a change may be, and how long it is remembered that it was told.
    """

    def __init__(self, book: DispatchBook, config: RoutingConfig, retention_ms: int) -> None:
        self._book = book
        self._retention_ms = retention_ms
        self._told = [
            (receiver, one)
            for receiver in config.receivers.values()
            for one in receiver.integrations
            if one.send_changes
        ]

    def hear(self, change: Change) -> None:
        """Know of a change; nothing comes of one that is known."""
        key = f"{change.tenant}/{change.id}"
        if self._told and key not in self._book.changes:
            self._book.set("change", key, (change.at_ms, change.model_dump_json()))

    def tell(self, now_ms: int) -> list[Notification]:
        """Tell what waits, and forget what was told so long ago that it would not be told again."""
        found: list[Notification] = []
        for key, (at_ms, waiting) in sorted(self._book.changes.items()):
            if at_ms < now_ms - self._retention_ms:
                self._book.set("change", key, None)
            elif waiting:
                change = Change.model_validate_json(waiting)
                found += [change_notification(change, receiver, one) for receiver, one in self._told]
                self._book.set("change", key, (at_ms, ""))
        return found


def change_notification(change: Change, receiver: Receiver, integration: Integration) -> Notification:
    """A change as something to tell: the same whenever it is made again.

    Examples
    --------
    >>> deploy = Change(id="d1", tenant="acme", kind="deploy", what="checkout 2.1", at_ms=1_772_323_200_000)
    >>> told = change_notification(deploy, Receiver("page"), Integration("pagerduty", 0, True, send_changes=True))
    >>> told.action, told.dedup_key, told.title, len(told.alerts), told.context.changes[0].what
    ('digest', 'change-d1', 'deploy checkout 2.1', 0, 'checkout 2.1')
    """
    return Notification(
        id=event_id("change", change.tenant, receiver.name, integration.name, change.id),
        tenant=change.tenant,
        receiver=receiver.name,
        integration=integration.name,
        action="digest",
        dedup_key=fitted_key(f"change-{change.id}"),
        sequence=max(1, change.at_ms),
        group_key=f"change/{receiver.name}",
        at_ms=change.at_ms,
        status="firing",
        reason=_REASON,
        priority="P3",
        severity="info",
        title=f"{change.kind} {change.what}",
        alerts=[],
        context=NotificationContext(changes=[NearestChange(**change.model_dump(include=set(_OF_CHANGE)))]),
    )
