"""Webhooks on their way back: who may send them, and what they ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.delivery.incoming import Asked, Said, read_jira, read_opsgenie, read_pagerduty, read_slack
from integrations.delivery.signatures import SignatureError, check_ours, hex_hmac
from integrations.delivery.webhook import signature
from schemas.command_events import AcknowledgeAlert, MoveIncident, NoteIncident, UnacknowledgeAlert
from schemas.errors import SchemaError

NOW_MS = 1_772_323_200_000


def pagerduty_body(kind: str = "incident.acknowledged", **parts: Any) -> bytes:
    event = {
        "id": "01ABC",
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": "2026-03-01T00:00:05.250Z",
        "agent": {"id": "PLH1HKV", "summary": "Ana", "type": "user_reference"},
        "data": {
            "id": "PGR0VU2",
            "type": "incident",
            "incident_key": "incident-1",
            "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
        },
    }
    return json.dumps({"event": {**event, **parts}}).encode()


def from_pagerduty(body: bytes, secrets: list[str] | None = None, key: str = "s") -> list[Asked]:
    headers = {"x-pagerduty-signature": f"v1={hex_hmac(key, body)}"}
    return read_pagerduty(headers, body, secrets or ["s"], NOW_MS)


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        ("incident.acknowledged", "acknowledged"),
        ("incident.unacknowledged", "open"),
        ("incident.reopened", "open"),
        ("incident.resolved", "resolved"),
    ],
)
def test_what_a_person_does_in_pagerduty_moves_the_incident(kind: str, to: str) -> None:
    (asked,) = from_pagerduty(pagerduty_body(kind))
    note = "in PagerDuty: https://acme.pagerduty.com/incidents/PGR0VU2"
    assert asked.body == MoveIncident(incident_id="incident-1", to=to, note=note)  # type: ignore[arg-type]
    assert (asked.by, asked.at_ms) == ("Ana", NOW_MS + 5250)


ALERT_ID = "71ff7d6d4e351cee-1795446000000"
ACKNOWLEDGED, TAKEN_BACK, RESOLVED = "incident.acknowledged", "incident.unacknowledged", "incident.resolved"


@pytest.mark.parametrize(
    ("key", "kind", "body"),
    [
        ("incident-1/escalation-2", ACKNOWLEDGED, MoveIncident(incident_id="incident-1", to="acknowledged")),
        (ALERT_ID, ACKNOWLEDGED, AcknowledgeAlert(alert_id=ALERT_ID)),
        (f"{ALERT_ID}/escalation-1", ACKNOWLEDGED, AcknowledgeAlert(alert_id=ALERT_ID)),
        (ALERT_ID, TAKEN_BACK, UnacknowledgeAlert(alert_id=ALERT_ID)),
        (ALERT_ID, RESOLVED, MoveIncident(incident_id=ALERT_ID, to="resolved")),
        ('{}:{a="b"}/escalation-1', ACKNOWLEDGED, MoveIncident(incident_id='{}:{a="b"}', to="acknowledged")),
    ],
)
def test_the_key_of_a_page_names_an_incident_or_an_alert_whichever_step_was_told(
    key: str, kind: str, body: MoveIncident | AcknowledgeAlert | UnacknowledgeAlert
) -> None:
    (asked,) = from_pagerduty(pagerduty_body(kind, data={"incident_key": key}))
    assert asked.body == body.model_copy(update={"note": "in PagerDuty"})
    action = {ACKNOWLEDGED: "Acknowledge", TAKEN_BACK: "UnAcknowledge", RESOLVED: "Close"}[kind]
    (asked,) = from_opsgenie(opsgenie_body(action, alias=key))
    assert asked.body == body.model_copy(update={"note": "in Opsgenie"})


def test_a_note_on_the_page_of_an_escalation_is_one_on_its_incident() -> None:
    (asked,) = from_opsgenie(opsgenie_body("AddNote", alias="incident-1/escalation-3", note="looking"))
    assert asked.body == NoteIncident(incident_id="incident-1", note="looking")


def test_a_key_of_any_length_is_taken() -> None:
    (asked,) = from_pagerduty(pagerduty_body(data={"incident_key": "{" + "x" * 254}))
    assert isinstance(asked.body, MoveIncident)
    assert len(asked.body.incident_id) == 200


def test_the_same_webhook_asks_for_the_same_thing() -> None:
    first, again = from_pagerduty(pagerduty_body()), from_pagerduty(pagerduty_body())
    other = from_pagerduty(pagerduty_body(id="01ABD"))
    assert first == again
    assert first[0].id != other[0].id


@pytest.mark.parametrize(
    "parts",
    [
        {"event_type": "incident.priority_updated"},
        {"event_type": "service.updated", "data": {"type": "service"}},
        {"agent": None},
        {"agent": {"type": "inbound_integration_reference", "summary": "Events API v2"}},
        {"data": {"type": "incident", "incident_key": None}},
        {"data": None},
    ],
)
def test_what_pagerduty_or_we_did_and_what_is_not_for_us_asks_for_nothing(parts: dict[str, Any]) -> None:
    assert from_pagerduty(pagerduty_body(**parts)) == []


def test_one_of_several_signatures_suffices_while_secrets_are_rotated() -> None:
    body = pagerduty_body()
    headers = {"X-PagerDuty-Signature": f"v1={'0' * 64}, v1={hex_hmac('old', body)}"}
    assert len(read_pagerduty(headers, body, ["new", "old"], NOW_MS)) == 1
    with pytest.raises(SignatureError):
        read_pagerduty(headers, body, ["new"], NOW_MS)
    with pytest.raises(SignatureError):
        read_pagerduty(headers, body, [], NOW_MS)
    with pytest.raises(SignatureError):
        read_pagerduty({"X-PagerDuty-Signature": "v1=ä"}, body, ["new"], NOW_MS)


def opsgenie_body(action: str, **parts: Any) -> bytes:
    alert = {
        "alertId": "052652ac",
        "alias": "incident-1",
        "username": "ana@example.com",
        "updatedAt": 1_772_323_201_000_000_000,
    }
    told = {"action": action, "alert": {**alert, **parts}, "source": {"type": "web"}, "integrationName": "hook"}
    return json.dumps(told).encode()


def from_opsgenie(body: bytes, token: str = "t") -> list[Asked]:
    return read_opsgenie({"authorization": f"Bearer {token}"}, body, ["t"], NOW_MS)


@pytest.mark.parametrize(
    ("action", "to"), [("Acknowledge", "acknowledged"), ("UnAcknowledge", "open"), ("Close", "resolved")]
)
def test_what_a_person_does_in_opsgenie_moves_the_incident(action: str, to: str) -> None:
    (asked,) = from_opsgenie(opsgenie_body(action))
    assert asked.body == MoveIncident(incident_id="incident-1", to=to, note="in Opsgenie")  # type: ignore[arg-type]
    assert (asked.by, asked.at_ms) == ("ana@example.com", NOW_MS + 1000)


def test_a_note_in_opsgenie_is_a_note_and_what_we_closed_is_no_news() -> None:
    (asked,) = from_opsgenie(opsgenie_body("AddNote", note="looking at it"))
    assert asked.body == NoteIncident(incident_id="incident-1", note="looking at it")
    assert from_opsgenie(opsgenie_body("Close", username="Metrics AI")) == []
    assert from_opsgenie(opsgenie_body("AddNote")) == []
    assert from_opsgenie(opsgenie_body("Create")) == []
    with pytest.raises(SignatureError):
        from_opsgenie(opsgenie_body("Close"), "other")
    with pytest.raises(SignatureError):
        read_opsgenie({}, opsgenie_body("Close"), ["t", ""], NOW_MS)


def jira_body(category: str = "done", **parts: Any) -> bytes:
    told = {
        "webhookEvent": "jira:issue_updated",
        "timestamp": NOW_MS + 7,
        "user": {"accountId": "5b10", "displayName": "Ana"},
        "issue": {
            "id": "10002",
            "key": "OPS-1",
            "fields": {
                "labels": ["ALERT{0}", "INCIDENT{incident-1}"],
                "status": {"name": "x", "statusCategory": {"key": category}},
            },
        },
        "changelog": {"id": "10124", "items": [{"field": "status", "fromString": "To Do", "toString": "x"}]},
    }
    return json.dumps({**told, **parts}).encode()


def from_jira(body: bytes, ours: tuple[str, ...] = ()) -> list[Asked]:
    return read_jira({"X-Hub-Signature": f"sha256={hex_hmac('s', body)}"}, body, ["s"], NOW_MS, ours)


@pytest.mark.parametrize(("category", "to"), [("done", "resolved"), ("indeterminate", "acknowledged"), ("new", "open")])
def test_an_issue_that_a_person_moves_moves_the_incident(category: str, to: str) -> None:
    (asked,) = from_jira(jira_body(category))
    assert asked.body == MoveIncident(incident_id="incident-1", to=to, note="in Jira: OPS-1")  # type: ignore[arg-type]
    assert (asked.by, asked.at_ms) == ("Ana", NOW_MS + 7)


def test_what_we_moved_in_jira_and_what_is_no_move_is_no_news() -> None:
    assert from_jira(jira_body(), ours=("5b10",)) == []
    assert from_jira(jira_body(changelog={"items": [{"field": "assignee"}]})) == []
    assert from_jira(jira_body(webhookEvent="jira:issue_deleted")) == []
    assert from_jira(jira_body(issue={"fields": {"labels": None}})) == []
    body = jira_body()
    with pytest.raises(SignatureError):
        read_jira({"X-Hub-Signature": f"sha256={hex_hmac('other', body)}"}, body, ["s"], NOW_MS)


def from_slack(payload: Any, at_s: int = NOW_MS // 1000, key: str = "s") -> list[Said]:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    signed = f"v0={hex_hmac(key, b'v0:%d:' % at_s + body)}"
    headers = {"X-Slack-Request-Timestamp": str(at_s), "X-Slack-Signature": signed}
    return read_slack(headers, body, ["s"], NOW_MS)


CLICK = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "ana"},
    "actions": [
        {"action_id": "feedback_false", "value": "alert-1", "action_ts": "1772323199.5"},
        {"action_id": "open"},
        {"action_id": "feedback_perhaps", "value": "alert-1"},
    ],
}


def test_a_click_on_a_verdict_in_slack_is_feedback() -> None:
    assert from_slack(CLICK) == [Said("alert-1", "false", NOW_MS - 500, "ana")]
    assert from_slack({**CLICK, "type": "view_submission"}) == []


@pytest.mark.parametrize("at_s", [NOW_MS // 1000 - 301, NOW_MS // 1000 + 301])
def test_a_request_of_slack_that_is_not_of_now_is_refused(at_s: int) -> None:
    with pytest.raises(SignatureError, match="too old"):
        from_slack(CLICK, at_s)
    with pytest.raises(SignatureError, match="not right"):
        from_slack(CLICK, key="other")


def test_our_own_signature_is_checked_as_receivers_do() -> None:
    body = b'{"version":"4"}'
    signed = {"X-Metrics-AI-Timestamp": "1772323200", "X-Metrics-AI-Signature": signature("s", "1772323200", body)}
    check_ours(signed, body, ["s"], 1772323300.0)
    for wrong in (body + b" ", b""):
        with pytest.raises(SignatureError):
            check_ours(signed, wrong, ["s"], 1772323300.0)
    with pytest.raises(SignatureError):
        check_ours(signed, body, ["s"], 1772323501.0)


READERS: list[Callable[[bytes], object]] = [
    from_pagerduty,
    from_opsgenie,
    from_jira,
    lambda body: from_slack(json.loads(body)),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["event", "data", "alert", "issue", "fields", "user", "agent", "changelog", "items", "actions", "labels",
             "status", "type", "action", "webhookEvent", "event_type", "alias", "timestamp", "updatedAt"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(VALUES, st.sampled_from(range(len(READERS))))
def test_a_signed_webhook_of_any_shape_is_read_or_refused_in_a_line(value: Any, reader: int) -> None:
    said = ""
    try:
        READERS[reader](json.dumps(value).encode())
    except SchemaError as error:
        said = str(error)
    assert "\n" not in said


def test_a_body_that_is_no_json_is_refused() -> None:
    for body in (b"", b"{", b"[" * 100_000, b"\xff"):
        with pytest.raises(SchemaError):
            from_pagerduty(body)
