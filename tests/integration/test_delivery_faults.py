"""Every adapter under every fault of its far end, over real HTTP: nothing is lost, and nothing is opened twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integrations.delivery import Adapter
from integrations.delivery.jira_issue import key_label
from schemas.notification_events import Notification
from tests.integration.vendors.check import EXPECTED, TIMEOUT_S, Subject, check_adapter
from tests.integration.vendors.jira import JiraStandIn, text_of
from tests.integration.vendors.opsgenie import OpsgenieStandIn
from tests.integration.vendors.pagerduty import PagerDutyStandIn
from tests.integration.vendors.session import Session
from tests.integration.vendors.slack import SlackStandIn
from tests.integration.vendors.webhook import WebhookStandIn

KEY = "0123456789abcdef0123456789abcdef"


def maker(session: Session, kind: str, **settings: Any) -> Callable[[], Adapter]:
    return lambda: session.adapter(kind, timeout=TIMEOUT_S, **settings)


@contextmanager
def pagerduty(session: Session) -> Iterator[Subject]:
    with PagerDutyStandIn() as far:
        yield Subject(
            far,
            maker(session, "pagerduty", routing_key=KEY, url=far.enqueue_url),
            lambda one: far.opens(one.dedup_key),
            lambda one: any(
                event.dedup_key == one.dedup_key and event.effect != "dropped" and matches(event.action, one)
                for event in far.events
            ),
        )


def matches(action: str, notification: Notification) -> bool:
    return action == ("resolve" if notification.action == "resolve" else "trigger")


@contextmanager
def opsgenie(session: Session, kind: str = "opsgenie", prefix: str = "") -> Iterator[Subject]:
    with OpsgenieStandIn(prefix) as far:

        def is_told(one: Notification) -> bool:
            alert = far.alerts[one.dedup_key][-1]
            return alert.is_open == (one.action != "resolve") and (
                one.action == "open" or one.reason in alert.notes[-1]
            )

        yield Subject(
            far,
            maker(session, kind, api_key=far.key, api_url=far.api_url),
            lambda one: far.opens(one.dedup_key),
            is_told,
        )


@contextmanager
def jira(session: Session, version: int = 3) -> Iterator[Subject]:
    with JiraStandIn(version) as far:

        def of(one: Notification) -> list[Any]:
            return far.labelled(key_label(one))

        def is_told(one: Notification) -> bool:
            (issue,) = of(one)
            texts = [text_of(issue.fields["description"]), *map(text_of, issue.comments)]
            return [one.id in text for text in texts].count(True) == 1 and (
                issue.status == ("Done" if one.action == "resolve" else "To Do")
            )

        yield Subject(
            far,
            maker(
                session,
                "jira",
                api_url=far.api_url,
                api_type="cloud" if version == 3 else "datacenter",
                project="OPS",
                issue_type="Task",
                resolve_transition="done",
                http_config={"basic_auth": {"username": far.user, "password": far.password}},
            ),
            lambda one: len(of(one)),
            is_told,
            faulty=("POST", "/issue"),
        )


@contextmanager
def slack_bot(session: Session) -> Iterator[Subject]:
    with SlackStandIn() as far:

        def of(one: Notification) -> list[dict[str, Any]]:
            key = one.dedup_key
            return [m for m in far.threads() if m["metadata"]["event_payload"]["dedup_key"] == key]

        def is_told(one: Notification) -> bool:
            (root,) = of(one)
            told = far.replies(root["ts"]) if one.action != "open" else [root]
            is_there = any(m["metadata"]["event_payload"]["notification_id"] == one.id for m in told)
            return is_there and ("Resolved" in root["text"]) == (one.action == "resolve")

        yield Subject(
            far,
            maker(session, "slack", token=far.token, web_api_url=far.api_url, channel=far.channel),
            lambda one: len(of(one)),
            is_told,
            faulty=("POST", "/chat.postMessage"),
        )


@contextmanager
def webhook(session: Session) -> Iterator[Subject]:
    with WebhookStandIn("shared") as far:
        yield Subject(
            far,
            maker(session, "webhook", url=far.hook_url, secret="shared"),
            lambda one: far.opens(one.dedup_key),
            lambda one: any(body["notification_id"] == one.id for body in far.received),
        )


@contextmanager
def slack_webhook(session: Session) -> Iterator[Subject]:
    with SlackStandIn() as far:
        yield Subject(
            far,
            maker(session, "slack", api_url=far.webhook_url),
            lambda one: sum("It is new." in str(m["blocks"]) for m in far.messages),
            lambda one: any(one.reason in str(m["blocks"]) for m in far.messages),
            twice=frozenset({"silent", "slow", "cut", "duplicate"}),
        )


SUBJECTS: dict[str, Callable[[Session], Any]] = {
    "pagerduty": pagerduty,
    "opsgenie": opsgenie,
    "jsm": lambda session: opsgenie(session, "jsm", "/jsm/ops/integration"),
    "jira cloud": jira,
    "jira data center": lambda session: jira(session, 2),
    "slack bot": slack_bot,
    "slack webhook": slack_webhook,
    "webhook": webhook,
}


@pytest.mark.parametrize("fault", EXPECTED)
@pytest.mark.parametrize("name", SUBJECTS)
def test_whatever_befalls_what_opens_is_told_in_the_end_and_opened_once(name: str, fault: str) -> None:
    session = Session()

    async def run() -> None:
        with SUBJECTS[name](session) as subject:
            await check_adapter(subject, fault)

    session.run(run)
