"""Whatever is told, what goes out is within the far end's limits and valid for its schema."""

from __future__ import annotations

import json

from hypothesis import given, settings

from integrations.delivery.calling import as_json
from integrations.delivery.jira_issue import MAX_DESCRIPTION, MAX_SUMMARY, create_fields, footer_of, written
from integrations.delivery.jira_settings import JiraSettings
from integrations.delivery.limits import units
from integrations.delivery.mail_message import mail
from integrations.delivery.opsgenie import OpsgenieSettings, create_body
from integrations.delivery.pagerduty_event import MAX_EVENT_BYTES, change_event, digest_event, trigger_event
from integrations.delivery.slack_blocks import message
from integrations.delivery.webhook import webhook_body
from schemas.notification_events import Notification
from tests.integration.vendors.jira import DOCUMENT_SCHEMA, text_of
from tests.integration.vendors.notifications import alert, notification
from tests.integration.vendors.opsgenie import CREATE_SCHEMA
from tests.integration.vendors.pagerduty import CHANGE_SCHEMA, EVENT_SCHEMA
from tests.integration.vendors.slack import blocks_problem
from tests.integration.vendors.webhook import MESSAGE_SCHEMA
from tests.unit.integrations.delivery.strategies import notifications

KEY = "k" * 32
CLOUD = JiraSettings(api_url="https://x.atlassian.net", project="OPS", issue_type="Task", labels=("a b", "c"))
CENTER = JiraSettings(api_url="https://jira.example.com", project="OPS", issue_type="Task")
GENIE = OpsgenieSettings(api_key="k", tags="a, b,,b", details={"runbook": "https://r/1"})  # type: ignore[arg-type]


@given(notifications())
@settings(max_examples=25, deadline=None)
def test_an_event_of_pagerduty_is_valid_and_not_too_large(told: Notification) -> None:
    event = trigger_event(told, KEY, {"team": "sre"}, client_url="https://console")
    assert next(EVENT_SCHEMA.iter_errors(event), None) is None
    assert len(as_json(event)) <= MAX_EVENT_BYTES
    assert units(event["payload"]["summary"]) <= 1024
    assert (
        event["payload"]["severity"] == {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info"}[told.priority]
    )


@given(notifications())
@settings(max_examples=25, deadline=None)
def test_changes_and_digests_of_pagerduty_are_valid(told: Notification) -> None:
    events = [digest_event(told, KEY)]
    if told.context is not None:
        events += [change_event(change, KEY) for change in told.context.changes]
    assert [next(CHANGE_SCHEMA.iter_errors(event), None) for event in events] == [None] * len(events)


def test_what_is_too_large_for_pagerduty_loses_signals_then_alerts_and_says_so() -> None:
    points = [[at, 0.1 * at] for at in range(20_000)]
    signals = {"signals": [{"signal": "cpu", "entity": "n", "points": points}]}
    event = trigger_event(notification(context=signals), KEY, {})
    assert "signals" in event["payload"]["custom_details"]
    many = [alert(number, labels={"text": "ä" * 400}) for number in range(900)]
    details = trigger_event(notification(context=signals, alerts=many), KEY, {})["payload"]["custom_details"]
    assert "signals" not in details
    assert 200 < len(details["alerts"]) < 900
    assert details["truncated"] == f"{900 - len(details['alerts'])} alerts did not fit."


def test_one_alert_that_is_too_large_for_pagerduty_pages_without_details() -> None:
    enormous = alert(labels={"text": "x" * 600_000})
    event = trigger_event(notification(alerts=[enormous]), KEY, {})
    assert event["payload"]["custom_details"] == {"truncated": "Details did not fit."}
    assert event["payload"]["summary"] == "[P0] Disk of node-0 is full in 2 d"


@given(notifications())
@settings(max_examples=25, deadline=None)
def test_an_alert_of_opsgenie_is_valid(told: Notification) -> None:
    body = create_body(told, GENIE)
    assert next(CREATE_SCHEMA.iter_errors(body), None) is None
    assert units(body["message"]) <= 130
    assert units(body["description"]) <= 15_000
    assert all(units(tag) <= 50 for tag in body["tags"])
    assert sum(len(name) + len(value) for name, value in body["details"].items()) <= 8000


@given(notifications())
@settings(max_examples=25, deadline=None)
def test_an_issue_of_jira_is_valid_and_ends_with_the_notification_that_made_it(told: Notification) -> None:
    for configured in (CLOUD, CENTER):
        fields = create_fields(told, configured)
        text = text_of(fields["description"])
        assert units(text) <= MAX_DESCRIPTION
        assert text.endswith(footer_of(told))
        assert units(fields["summary"]) <= MAX_SUMMARY
        assert "\n" not in fields["summary"]
        assert not any(" " in label or len(label) > 255 for label in fields["labels"])
    assert DOCUMENT_SCHEMA.is_valid(written(told, CLOUD))


@given(notifications())
@settings(max_examples=25, deadline=None)
def test_blocks_of_slack_are_taken(told: Notification) -> None:
    found = message(told, 0, "https://console", lambda one, verdict: f"https://console/f/{verdict}")
    assert blocks_problem(found["blocks"]) == ""
    assert 0 < units(found["text"]) <= 3000


@given(notifications())
@settings(max_examples=25, deadline=None)
def test_a_webhook_is_alertmanagers(told: Notification) -> None:
    body = json.loads(as_json(webhook_body(told, 3, "https://console")))
    assert next(MESSAGE_SCHEMA.iter_errors(body), None) is None
    assert len(body["alerts"]) + body["truncatedAlerts"] == len(told.alerts) + told.truncated_alerts
    assert len(body["alerts"]) <= 3


@given(notifications())
@settings(max_examples=25, deadline=None)
def test_a_mail_has_no_header_that_was_not_meant_and_no_line_that_is_too_long(told: Notification) -> None:
    lines = bytes(mail(told, "a@b.example", "c@d.example", {"Reply-To": "e@f.example"})).split(b"\r\n")
    assert max(map(len, lines)) <= 998
    names = [line.split(b":")[0] for line in lines[: lines.index(b"")] if not line[:1].isspace()]
    assert sorted(set(names)) == sorted(names)
    assert set(names) <= {
        b"From", b"To", b"Subject", b"Date", b"Message-ID", b"In-Reply-To", b"References", b"Auto-Submitted",
        b"X-Metrics-AI-Notification", b"Reply-To", b"MIME-Version", b"Content-Type",
    }  # fmt: skip


def test_of_many_tags_and_details_as_many_are_sent_as_fit() -> None:
    many = ",".join(f"tag-{number}-{'x' * 60}" for number in range(30))
    labels = {f"label_{number}": "y" * 900 for number in range(30)}
    body = create_body(notification(common_labels=labels), GENIE.model_copy(update={"tags": many}))
    assert len(body["tags"]) == 20
    assert body["details"]["incident_id"] == "incident-1"
    assert 3 < len(body["details"]) < 30
    assert CREATE_SCHEMA.is_valid(body)


def test_what_was_estimated_stands_in_the_webhook_and_what_was_not_does_not() -> None:
    body = webhook_body(notification(confidence=None, windows={}))
    assert "confidence" not in body
    assert "windows" not in body
    assert (body["severity_route"], body["suggested_actions"]) == ("P0", [{"runbook": "disk-full"}])
    told = notification(confidence={"lo": 0.8, "hi": 0.99, "level": 0.95}, windows={"5m": "anomalous"})
    body = webhook_body(told)
    assert body["confidence"] == {"lo": 0.8, "hi": 0.99, "level": 0.95}
    assert body["windows"] == {"5m": "anomalous"}


def test_an_alert_that_fires_has_no_end_and_one_that_is_over_has_its_own() -> None:
    body = webhook_body(notification(alerts=[alert(), alert(1, state="resolved", ended_ms=1_772_323_200_500)]))
    assert [one["endsAt"] for one in body["alerts"]] == ["0001-01-01T00:00:00Z", "2026-03-01T00:00:00.500Z"]
    assert [one["status"] for one in body["alerts"]] == ["firing", "resolved"]
