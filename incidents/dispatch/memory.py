"""What was told although the state does not know of it: read from the outbox itself, after a kill.

On a broker without transactions the outbox may be ahead of the checkpoint. A stage that told it again from an older
state, with other records read in between, could open a page twice, or never end one.
"""

from __future__ import annotations

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.subjects import RANK
from incidents.dispatch.threads import Thread, thread_key
from schemas.notification_events import Notification


def remembered(book: DispatchBook, notification: Notification) -> Thread | None:
    """Let a thread know what it told; gives it back if that was news to it."""
    if notification.action == "digest":
        return None
    one = notification
    key = thread_key(one.tenant, one.receiver, one.group_key, one.escalation)
    thread = book.threads.get(key)
    if thread is None:
        thread = Thread(one.tenant, one.receiver, one.group_key, one.group_labels, one.incident_id, one.at_ms)
        thread.escalation = one.escalation
        book.put_thread(thread)
    if one.sequence <= thread.sequence:
        return None
    thread.sequence = one.sequence
    alerts = {f"{one.tenant}/{alert.alert_id}" for alert in one.alerts}
    if one.action == "resolve":
        _ended(thread, one, alerts)
    else:
        _told(thread, one, alerts)
    book.touch_thread(thread)
    return thread


def _told(thread: Thread, one: Notification, alerts: set[str]) -> None:
    if one.dedup_key not in thread.keys:
        thread.keys.append(one.dedup_key)
    thread.told |= alerts
    thread.told_ms = one.at_ms
    thread.told_p0 = thread.told_p0 or any(alert.priority == "P0" for alert in one.alerts)
    thread.told_rank = min(thread.told_rank, RANK[one.priority])
    thread.opened_ms = one.at_ms if thread.opened_ms is None else thread.opened_ms


def _ended(thread: Thread, one: Notification, alerts: set[str]) -> None:
    thread.keys = [key for key in thread.keys if key != one.dedup_key]
    if not thread.keys:
        thread.close(one.at_ms, one.incident_revision)
        thread.spent |= alerts
