"""Which episode of an alert a post continues, or whether it begins one."""

from __future__ import annotations

from incidents.alerts import AlertRecord
from incidents.posted import PostedFinding, PostedState, continued, first_state, line_of
from incidents.series_alerts import SeriesAlerts
from schemas.command_events import PostedAlert


class Posting:
    """Makes states of alerts of what is posted.

    Parameters
    ----------
    alerts
        The known ones.
    timeout_ms
        How long an alert lasts whose post does not say.
    """

    def __init__(self, alerts: SeriesAlerts, timeout_ms: int) -> None:
        self._alerts = alerts
        self._timeout_ms = timeout_ms

    def finding(self, tenant: str, alert: PostedAlert, at_ms: int) -> PostedFinding | None:
        """The state that a post makes; None where it ends what is not known to have begun.

        Parameters
        ----------
        tenant, alert
            Whose, and what; one that is refused must not come here.
        at_ms
            When it was posted.
        """
        state = first_state(tenant, alert, at_ms, self._timeout_ms)
        record = _continued_by(state, self._alerts.of(tenant, line_of(state)))
        if record is not None:
            return PostedFinding(continued(record.latest.event, state))
        return None if state.state == "end" else PostedFinding(state)


def _continued_by(state: PostedState, episodes: list[AlertRecord]) -> AlertRecord | None:
    """The episode that a post overlaps: the last that began before it and goes on, or went on until then."""
    before = [one for one in episodes if one.started_ms <= state.started_ms]
    last = before[-1] if before else None
    if last is not None and (last.ended_ms is None or state.started_ms <= last.ended_ms):
        return last
    newest = episodes[-1] if episodes else None
    return newest if newest is not None and newest.ended_ms is None else None
