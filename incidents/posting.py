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
    """The episode that a post overlaps, the newest of several.

    What fires begins no episode before the newest, nor wakes an older one, whatever its sender's clock says: it comes
    later in the log, so it is of the newest.
    """
    if state.state != "end" and episodes and state.started_ms < episodes[-1].started_ms:
        return episodes[-1]
    for one in reversed(episodes if state.state == "end" else episodes[-1:]):
        if one.started_ms <= state.ends_ms and (one.ended_ms is None or state.started_ms <= one.ended_ms):
            return one
    return None
