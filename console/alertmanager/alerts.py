"""``/api/v2/alerts`` and ``/api/v2/alerts/groups``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from console.access import Responder, Viewer
from console.alertmanager.bodies import AlertGroup, AlertStanding, GettableAlert, PostableAlert, Receiver
from console.alertmanager.posting import post, taken
from console.asking import Desk, OnceKey
from console.labels import routed_labels
from console.matching import fits, parsed, pattern_of
from console.ports import Reads, RouteMatch, Routing
from console.problems import RequestError
from incidents.routing.matchers import Matchers, matcher_of
from integrations.serving.store import AlertFilter, StandingAlert
from integrations.stores import MOST_A_PAGE
from schemas.command_events import CommandResult, PostedAlert
from schemas.ids import alert_fingerprint
from schemas.notification_events import AlertStatus

# Few alerts are to be seen in the next answer, while few fire; in a storm there is better to do than to look for them.
_LOOKED_FOR: Final = 50
_LOOKED_THROUGH: Final = 500
Filter = Annotated[list[str], Query(description='Matchers, as name="value".')]


class AlertQuery(BaseModel):
    """Which alerts are asked for.

    Parameters
    ----------
    active, silenced, inhibited, unprocessed, muted
        Whether those are shown that are so.
    filter
        Matchers of their labels.
    receiver
        A regular expression of a receiver's whole name.
    """

    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    unprocessed: bool = True
    muted: bool = True
    filter: list[str] = Field([], description='Matchers, as name="value".')
    receiver: str | None = None

    def shows(self, standing: AlertStanding) -> bool:
        """Whether an alert that stands so is asked for."""
        return not (
            (standing.state == "active" and not self.active)
            or (standing.state == "unprocessed" and not self.unprocessed)
            or (standing.silencedBy and not self.silenced)
            or (standing.inhibitedBy and not self.inhibited)
        )


class AlertRoutes:
    """The two paths.

    Parameters
    ----------
    reads
        Where alerts are read.
    routing
        Where they go.
    desk
        Who takes what is posted.
    resolve_timeout_ms
        Shown as the end of an alert that says nothing of its end.
    """

    def __init__(self, reads: Reads, routing: Routing, desk: Desk, resolve_timeout_ms: int) -> None:
        self._reads = reads
        self._routing = routing
        self._desk = desk
        self._resolve_timeout_ms = resolve_timeout_ms

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(tags=["alertmanager"])
        router.add_api_route("/alerts", self.alerts, methods=["GET"])
        router.add_api_route("/alerts", self.post, methods=["POST"])
        router.add_api_route("/alerts/groups", self.groups, methods=["GET"])
        return router

    def alerts(self, caller: Viewer, asked: Annotated[AlertQuery, Query()]) -> list[GettableAlert]:
        """Alerts that fire."""
        shown = [alert for alert, _ in self._shown(caller.tenant, asked)]
        return sorted(shown, key=lambda one: one.fingerprint)

    def groups(self, caller: Viewer, asked: Annotated[AlertQuery, Query()]) -> list[AlertGroup]:
        """Alerts that fire, as receivers are told them together."""
        wanted = _pattern(asked)
        groups: dict[tuple[str, tuple[tuple[str, str], ...]], AlertGroup] = {}
        for alert, matches in self._shown(caller.tenant, asked):
            for one in matches:
                if wanted is not None and not wanted.fullmatch(one.receiver):
                    continue
                key = one.receiver, tuple(sorted(one.group_labels.items()))
                if key not in groups:
                    receiver = Receiver(name=one.receiver)
                    groups[key] = AlertGroup(alerts=[], labels=dict(one.group_labels), receiver=receiver)
                groups[key].alerts.append(alert)
        return [groups[key] for key in sorted(groups, key=lambda key: (key[1], key[0]))]

    def _shown(self, tenant: str, asked: AlertQuery) -> Iterator[tuple[GettableAlert, Sequence[RouteMatch]]]:
        matchers, wanted = parsed(asked.filter), _pattern(asked)
        now_ms = self._desk.now_ms()
        silences = active_silences(self._reads, tenant, now_ms)
        for one in firing(self._reads, tenant):
            labels = routed_labels(one)
            if not fits(matchers, labels):
                continue
            matches = self._routing.matches(labels)
            receivers = (one.status.receivers if one.status else []) or [match.receiver for match in matches]
            if wanted is not None and not any(map(wanted.fullmatch, receivers)):
                continue
            standing = standing_of(one.status, [name for name, held in silences if fits(held, labels)])
            if asked.shows(standing):
                yield self._gettable(one, standing, receivers, now_ms), matches

    def _gettable(
        self, one: StandingAlert, standing: AlertStanding, receivers: Sequence[str], now_ms: int
    ) -> GettableAlert:
        alert = one.alert
        return GettableAlert(
            annotations=alert.annotations,
            endsAt=alert.ended_ms or now_ms + self._resolve_timeout_ms,
            fingerprint=alert.fingerprint,
            receivers=[Receiver(name=name) for name in dict.fromkeys(receivers)],
            startsAt=alert.started_ms,
            status=standing,
            updatedAt=alert.updated_ms,
            generatorURL=alert.generator_url,
            labels=alert.labels,
        )

    def post(self, caller: Responder, posted: list[PostableAlert], once: OnceKey) -> None:
        """Raise, repeat or end alerts; what holds is taken, what does not is named with status 400."""
        alerts, wrong = taken(posted, self._desk.now_ms())
        command_id = self._desk.new_id(caller, once)
        wrong += post(self._desk, caller, alerts, command_id, lambda some: self._shows_all(caller.tenant, some))
        if wrong:
            raise RequestError(400, "; ".join(wrong[:20]))

    def _shows_all(self, tenant: str, posted: Sequence[PostedAlert]) -> Callable[[CommandResult], bool]:
        """Whether few alerts are to be read as they were posted."""
        now_ms = self._desk.now_ms()
        ending = {alert_fingerprint(one.labels): (one.ends_ms or now_ms + 1) <= now_ms for one in posted}

        def seen(_: CommandResult) -> bool:
            page = self._reads.alerts(tenant, AlertFilter(state="firing"), _LOOKED_THROUGH)
            if page.cursor is not None:
                return True
            # One that nobody has routed yet is left out of what amtool asks for.
            found = {one.alert.fingerprint for one in page.items if one.status is not None}
            return all((fingerprint in found) != is_over for fingerprint, is_over in ending.items())

        return seen if len(ending) <= _LOOKED_FOR else lambda _: True


def firing(reads: Reads, tenant: str) -> Iterator[StandingAlert]:
    """Every alert that fires."""
    cursor = None
    while True:
        page = reads.alerts(tenant, AlertFilter(state="firing"), MOST_A_PAGE, cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def active_silences(reads: Reads, tenant: str, now_ms: int) -> list[tuple[str, Matchers]]:
    """The silences that mute now, with their matchers."""
    found = [one for one in reads.silences(tenant) if one.state_at(now_ms) == "active"]
    return [(one.id, tuple(map(matcher_of, one.matchers))) for one in found]


def standing_of(status: AlertStatus | None, silenced_by: list[str]) -> AlertStanding:
    """Whether an alert is on its way to people, in Alertmanager's words.

    Parameters
    ----------
    status
        As the route stage said last; None while it has said nothing.
    silenced_by
        The silences of now: one that was added or has ended counts at once, not when it is next looked at.
    """
    inhibited_by = status.inhibited_by if status else []
    state: Literal["unprocessed", "active", "suppressed"] = "unprocessed" if status is None else "active"
    return AlertStanding(
        state="suppressed" if silenced_by or inhibited_by else state,
        silencedBy=silenced_by,
        inhibitedBy=inhibited_by,
        mutedBy=status.muted_by if status else [],
    )


def _pattern(asked: AlertQuery) -> re.Pattern[str] | None:
    return None if asked.receiver is None else pattern_of(asked.receiver, "receiver")
