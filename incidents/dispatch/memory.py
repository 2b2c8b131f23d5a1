"""What was told although the state does not know of it: read from the outbox itself, after a kill.

On a broker without transactions the outbox may be ahead of the checkpoint. A stage that told it again from an older
state, with other records read in between, could open a page twice, or never end one. It may also be cut off between
two integrations of one receiver: those that lack are told at the next tick.
"""

from __future__ import annotations

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.grouping import incident_group
from incidents.dispatch.threads import Thread, thread_key
from incidents.finding import PRIORITY_RANK
from incidents.routing.config import RoutingConfig
from schemas.ids import event_id
from schemas.notification_events import Notification


def remembered(book: DispatchBook, config: RoutingConfig, one: Notification) -> Thread | None:
    """Let a thread know what it told; gives it back if that was news to it."""
    if one.action == "digest":
        return None
    thread = _thread(book, one)
    if one.sequence < thread.sequence or (one.sequence == thread.sequence and not thread.lacking):
        return None
    if one.sequence == thread.sequence:
        thread.lacking.pop(one.integration, None)
        book.touch_thread(thread)
        return None
    thread.sequence = one.sequence
    thread.lacking = _lacking(config, one)
    alerts = {f"{one.tenant}/{alert.alert_id}" for alert in one.alerts}
    if one.action == "resolve":
        _ended(thread, one, alerts)
    else:
        _told(thread, one, alerts)
    book.touch_thread(thread)
    return thread


def overdue(thread: Thread) -> list[Notification]:
    """What integrations lack, each as the others were told it."""
    lacking, thread.lacking = thread.lacking, {}
    made = []
    for name, value in sorted(lacking.items()):
        told = Notification.from_bytes(value)
        known = event_id("notification", thread.key, name, told.dedup_key, told.sequence)
        made.append(told.model_copy(update={"integration": name, "id": known}))
    return made


def _thread(book: DispatchBook, one: Notification) -> Thread:
    """The thread that told it, that of its incident's survivor where it was merged."""
    incident_id, labels, group_key = one.incident_id, one.group_labels, one.group_key
    if incident_id is not None:
        incident_id = book.current(f"{one.tenant}/{incident_id}").partition("/")[2]
        labels, group_key = incident_group(incident_id)
    thread = book.threads.get(thread_key(one.tenant, one.receiver, group_key, one.escalation))
    if thread is None:
        group = group_key, labels, incident_id
        thread = book.put_thread(Thread(one.tenant, one.receiver, *group, one.at_ms, escalation=one.escalation))
    return thread


def _lacking(config: RoutingConfig, one: Notification) -> dict[str, bytes]:
    receiver = config.receivers.get(one.receiver)
    if receiver is None:
        return {}
    tells = [way.name for way in receiver.integrations if one.action != "resolve" or way.send_resolved]
    return {name: one.to_bytes() for name in tells if name != one.integration}


def _told(thread: Thread, one: Notification, alerts: set[str]) -> None:
    if one.dedup_key not in thread.keys:
        thread.keys.append(one.dedup_key)
    thread.told |= alerts
    thread.told_ms = one.at_ms
    thread.told_p0 = thread.told_p0 or any(alert.priority == "P0" for alert in one.alerts)
    thread.told_rank = min(thread.told_rank, PRIORITY_RANK[one.priority])
    thread.opened_ms = one.at_ms if thread.opened_ms is None else thread.opened_ms


def _ended(thread: Thread, one: Notification, alerts: set[str]) -> None:
    thread.keys = [key for key in thread.keys if key != one.dedup_key]
    if not thread.keys:
        thread.close(one.at_ms, one.incident_revision)
        thread.spent |= alerts
