"""What people do in a pager, a ticket or a chat, on its way back: webhooks into what they ask for.

Each is read in two steps: is its sender who it must be, then what does it say. What is not for us, or was our own
doing, asks for nothing. The incident is named by what we gave the far end: the dedup key, the alias, a label. Where
that names an alert (one of the safety list has a page of its own), it is the alert that is acknowledged. The id of
what is asked for comes from the webhook, so one that is delivered again asks for nothing new.

=====================  ====================================  ==============
where                  what people did                       asks for
=====================  ====================================  ==============
PagerDuty              acknowledged                          acknowledged
PagerDuty              unacknowledged, reopened              open
PagerDuty              resolved                              resolved
Opsgenie, JSM          Acknowledge / UnAcknowledge / Close   as above
Opsgenie, JSM          AddNote                               a note
Jira                   moved to a status in progress         acknowledged
Jira                   moved to a status that is done        resolved
Jira                   moved from done to one to do          open
Slack                  a click on a verdict                  feedback
=====================  ====================================  ==============
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qs

from incidents.names import named_by, without_step
from integrations.delivery.limits import cut, one_line
from integrations.delivery.opsgenie import USER
from integrations.delivery.signatures import check_jira, check_pagerduty, check_slack, check_token
from integrations.delivery.slack_blocks import VERDICTS, FeedbackVerdict
from schemas.command_events import AcknowledgeAlert, MoveIncident, NoteIncident, UnacknowledgeAlert
from schemas.errors import SchemaError
from schemas.ids import event_id

_State = Literal["acknowledged", "open", "resolved"]
PAGERDUTY_STATES: Final[Mapping[str, _State]] = {
    "incident.acknowledged": "acknowledged",
    "incident.unacknowledged": "open",
    "incident.reopened": "open",
    "incident.resolved": "resolved",
}
OPSGENIE_STATES: Final[Mapping[str, _State]] = {
    "Acknowledge": "acknowledged",
    "UnAcknowledge": "open",
    "Close": "resolved",
}
JIRA_STATES: Final[Mapping[str, _State]] = {"new": "open", "indeterminate": "acknowledged", "done": "resolved"}
"""By the category of the status."""
_LABEL: Final = "INCIDENT{"
_NAME_CHARS, _NOTE_CHARS, _ID_CHARS, _KEY_CHARS = 200, 4000, 200, 512
_Body = MoveIncident | NoteIncident | AcknowledgeAlert | UnacknowledgeAlert


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for of an incident or an alert; a ``Command`` once its tenant is known.

    Parameters
    ----------
    id
        The same for the same webhook.
    at_ms
        When it was done.
    by
        Who did it.
    """

    id: str
    at_ms: int
    by: str
    body: _Body


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says of an alert; a ``Feedback`` once its tenant is known."""

    alert_id: str
    verdict: FeedbackVerdict
    at_ms: int
    by: str


def read_pagerduty(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_ms: int) -> list[Asked]:
    """Read a V3 webhook of PagerDuty's.

    What a person did counts; what an integration did was ours, and what PagerDuty did by itself, as to resolve after
    some hours, says nothing of the incident.

    Raises
    ------
    SignatureError
        If it does not come from PagerDuty.
    SchemaError
        If it is no webhook of theirs.

    References
    ----------
    https://developer.pagerduty.com/docs/webhooks-overview
    """
    check_pagerduty(headers, body, secrets)
    event = _object(_json(body).get("event"), "event")
    data = _mapping(event.get("data"))
    to = PAGERDUTY_STATES.get(str(event.get("event_type")))
    incident = _key(data.get("incident_key"))
    agent = _mapping(event.get("agent"))
    if to is None or not incident or "user" not in str(agent.get("type")):
        return []
    by = _text(agent.get("summary") or agent.get("id"), _NAME_CHARS)
    where = _text(data.get("html_url"), 500)
    asked = _moved(incident, to, f"in PagerDuty: {where}" if where else "in PagerDuty")
    return [Asked(event_id("pagerduty", event.get("id")), _ms(event.get("occurred_at"), now_ms), by, asked)]


def read_opsgenie(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_ms: int) -> list[Asked]:
    """Read a webhook of Opsgenie's, or of Jira Service Management's operations.

    They sign nothing: a bearer token is set among the webhook's headers.

    Raises
    ------
    SignatureError
        If the token is not right.
    SchemaError
        If it is no webhook of theirs.

    References
    ----------
    https://docs.opsgenie.com/docs/sample-alert-action-data
    """
    check_token(headers, secrets)
    told = _json(body)
    alert = _object(told.get("alert"), "alert")
    action = str(told.get("action"))
    incident = _key(alert.get("alias"))
    by = _text(alert.get("username"), _NAME_CHARS)
    if not incident or by == USER:
        return []
    identity = event_id("opsgenie", alert.get("alertId"), action, alert.get("updatedAt"))
    at_ms = _nanoseconds(alert.get("updatedAt"), now_ms)
    if action in OPSGENIE_STATES:
        return [Asked(identity, at_ms, by, _moved(incident, OPSGENIE_STATES[action], "in Opsgenie"))]
    note = _text(alert.get("note"), _NOTE_CHARS)
    if action == "AddNote" and note:
        return [Asked(identity, at_ms, by, NoteIncident(incident_id=incident, note=note))]
    return []


def read_jira(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_ms: int, ours: Collection[str] = ()
) -> list[Asked]:
    """Read a webhook of Jira's about an issue whose status changed.

    Parameters
    ----------
    ours
        Account ids or names by which we write; what they did is not asked for again.

    Raises
    ------
    SignatureError
        If it does not come from Jira.
    SchemaError
        If it is no webhook of theirs.

    References
    ----------
    https://developer.atlassian.com/cloud/jira/platform/webhooks/
    """
    check_jira(headers, body, secrets)
    told = _json(body)
    user = _mapping(told.get("user"))
    issue = _mapping(told.get("issue"))
    fields = _mapping(issue.get("fields"))
    if not _is_moved(told) or {str(user.get("accountId")), str(user.get("name"))} & set(ours):
        return []
    labels = fields.get("labels")
    incident = next((_incident_of(one) for one in labels or () if str(one).startswith(_LABEL)), "")
    category = _mapping(_mapping(fields.get("status")).get("statusCategory")).get("key")
    to = JIRA_STATES.get(str(category))
    if not incident or to is None:
        return []
    at_ms = told.get("timestamp")
    at_ms = at_ms if isinstance(at_ms, int) and at_ms > 0 else now_ms
    by = _text(user.get("displayName") or user.get("name"), _NAME_CHARS)
    change = _mapping(told.get("changelog")).get("id")
    asked = _moved(incident, to, f"in Jira: {_text(issue.get('key'), 50)}")
    return [Asked(event_id("jira", issue.get("id"), change or at_ms), at_ms, by, asked)]


def read_slack(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_ms: int) -> list[Said]:
    """Read an interaction of Slack's: clicks on verdicts.

    Raises
    ------
    SignatureError
        If it does not come from Slack, or is too old.
    SchemaError
        If it is no interaction of theirs.

    References
    ----------
    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    check_slack(headers, body, secrets, now_ms / 1000)
    try:
        given = parse_qs(body.decode(), max_num_fields=100).get("payload", [""])[0]
    except ValueError as error:
        raise SchemaError("no interaction of Slack's: no form") from error
    told = _json(given.encode())
    user = _mapping(told.get("user"))
    by = _text(user.get("username") or user.get("name") or user.get("id"), _NAME_CHARS)
    actions = told.get("actions") if told.get("type") == "block_actions" else None
    found = [_said(one, by, now_ms) for one in actions or () if isinstance(one, dict)]
    return [one for one in found if one is not None]


def _said(action: Mapping[str, Any], by: str, now_ms: int) -> Said | None:
    word = str(action.get("action_id")).removeprefix("feedback_")
    alert_id = _text(action.get("value"), _ID_CHARS)
    verdict = next((known for known in VERDICTS if known == word), None)
    if verdict is None or not alert_id:
        return None
    at = action.get("action_ts")
    try:
        at_ms = round(float(str(at)) * 1000)
    except (ValueError, OverflowError):
        at_ms = now_ms
    return Said(alert_id, verdict, at_ms, by)


def _is_moved(told: Mapping[str, Any]) -> bool:
    items = _mapping(told.get("changelog")).get("items")
    is_status = any(isinstance(one, dict) and one.get("field") == "status" for one in items or ())
    return told.get("webhookEvent") == "jira:issue_updated" and is_status


def _incident_of(label: object) -> str:
    return _text(str(label).removeprefix(_LABEL).removesuffix("}"), _ID_CHARS)


def _key(value: object) -> str:
    """What a dedup key names, whichever step of an escalation was told under it."""
    return cut(without_step(_text(value, _KEY_CHARS)), _ID_CHARS)


def _moved(key: str, to: _State, note: str) -> _Body:
    if named_by(key) == "alert" and to == "acknowledged":
        return AcknowledgeAlert(alert_id=key, note=note)
    if named_by(key) == "alert" and to == "open":
        return UnacknowledgeAlert(alert_id=key, note=note)
    return MoveIncident(incident_id=key, to=to, note=note)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        return _object(json.loads(body), "the body")
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"a webhook that is no JSON: {one_line(str(error))[:100]}") from error


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SchemaError(f"a webhook in which {what} is no object")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object, most: int) -> str:
    return cut(one_line(str(value)), most) if isinstance(value, str | int) else ""


def _ms(text: object, now_ms: int) -> int:
    try:
        at_ms = round(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return now_ms
    return at_ms if at_ms > 0 else now_ms


def _nanoseconds(value: object, now_ms: int) -> int:
    # updatedAt is in nanoseconds in Opsgenie's samples, and in milliseconds of other senders.
    if not isinstance(value, int) or value <= 0:
        return now_ms
    return value // 1_000_000 if value > 10**15 else value
