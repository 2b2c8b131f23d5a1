"""Which threads an alert is in: by the groups of its routes, and, where groups are incidents, by its incident."""

from __future__ import annotations

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.subjects import Subject
from incidents.dispatch.threads import INCIDENT_LABEL, Thread, thread_key
from incidents.routing.config import RoutingConfig
from incidents.routing.tree import Route, labels_text

_ALERT_LABEL = "alert_id"


class Grouping:
    """Puts alerts into threads.

    Where a route groups by ``incident_id`` alone, a receiver has one thread an incident, whatever route leads there,
    and it follows the incident through merges: an alert that becomes more urgent does not open a second one. Alerts
    that are in no incident have one each there.

    Parameters
    ----------
    book
        What is known.
    config
        Routes.
    """

    def __init__(self, book: DispatchBook, config: RoutingConfig) -> None:
        self._book = book
        self._config = config

    def route(self, subject: Subject, now_ms: int) -> None:
        """Find an alert's threads anew: it leaves those that its routes lead to no longer, unless they are open."""
        wanted: dict[str, Route] = {}
        for route in self._config.match(subject.labels):
            thread = self._thread(subject, route, now_ms)
            wanted.setdefault(thread.key, route)
        for thread in self._book.threads_of(subject.key):
            if thread.key not in wanted and not thread.is_open and not thread.escalation:
                self._book.leave(thread, subject.key)
        for key, route in wanted.items():
            thread = self._book.threads[key]
            if not thread.is_open and not any(one.fires for one in self._book.members(thread)):
                thread.created_ms = now_ms
            if self._book.join(thread, subject.key, route.id):
                self._say_joined(subject, thread, route, now_ms)
                if subject.key in thread.told | thread.spent:
                    # A kill took the decision away; the outbox knows.
                    text = f"{route.receiver} was told"
                    subject.decide(thread.told_ms or now_ms, "notification", "told", text, route.receiver)
        subject.receivers = list(dict.fromkeys(route.receiver for route in wanted.values()))

    def fold(self, merged_key: str) -> None:
        """Let the survivor's threads take over those of an incident that became part of it."""
        survivor_key = self._book.current(merged_key)
        survivor_id = survivor_key.partition("/")[2]
        for old in self._book.threads_about(merged_key):
            labels, group_key = incident_group(survivor_id)
            key = thread_key(old.tenant, old.receiver, group_key, old.escalation)
            into = self._book.threads.get(key)
            if into is None:
                group = group_key, labels, survivor_id
                into = Thread(old.tenant, old.receiver, *group, old.created_ms, escalation=old.escalation)
            self._book.drop_thread(old)
            into.absorb(old)
            self._book.put_thread(into)

    def _thread(self, subject: Subject, route: Route, now_ms: int) -> Thread:
        """The thread of a route's group, made if it is new."""
        tenant, incident_id = subject.alert.tenant, None
        if route.group_by == (INCIDENT_LABEL,):
            incident_id = subject.labels.get(INCIDENT_LABEL)
            labels, group_key = _alert_group(subject.alert.id) if incident_id is None else incident_group(incident_id)
        else:
            labels, group_key = route.group_labels(subject.labels), route.group_key(subject.labels)
        key = thread_key(tenant, route.receiver, group_key)
        known = self._book.threads.get(key)
        if known is None:
            known = self._book.put_thread(Thread(tenant, route.receiver, group_key, labels, incident_id, now_ms))
        return known

    @staticmethod
    def _say_joined(subject: Subject, thread: Thread, route: Route, now_ms: int) -> None:
        matched = {one.name: subject.labels.get(one.name, "") for one in route.matchers}
        text = f"route {route.key} leads to {route.receiver}"
        subject.decide(now_ms, "route", "matched", text, route.receiver, matched)
        about = f"incident {thread.incident_id}" if thread.incident_id else thread.group_key
        wait_s = route.timing.group_wait_ms / 1000
        text = f"it is told with {about}" + ("" if thread.is_open else f", once {wait_s:g} s have passed")
        if subject.priority == "P0":
            text = f"it is told with {about}, at once"
        subject.decide(now_ms, "group", "joined", text, thread.key, thread.group_labels)


def incident_group(incident_id: str) -> tuple[dict[str, str], str]:
    """Labels and key of the group that is an incident."""
    return _group({INCIDENT_LABEL: incident_id})


def _alert_group(alert_id: str) -> tuple[dict[str, str], str]:
    """Labels and key of the group that is an alert of no incident."""
    return _group({_ALERT_LABEL: alert_id})


def _group(labels: dict[str, str]) -> tuple[dict[str, str], str]:
    """Labels and key of a group that no route has."""
    return labels, f"{{}}:{labels_text(labels)}"
