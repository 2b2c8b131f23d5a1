"""Slack, Opsgenie and webhooks over real HTTP: threads, aliases, signatures."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.delivery import Outcome
from integrations.delivery.signatures import check_ours
from tests.integration.vendors.notifications import AT_MS, alert, notification, story
from tests.integration.vendors.opsgenie import OpsgenieStandIn
from tests.integration.vendors.session import NOW_S, Session
from tests.integration.vendors.slack import SlackStandIn
from tests.integration.vendors.standin import Fault
from tests.integration.vendors.webhook import WebhookStandIn


def deliver(kind: str, *steps: Any, feedback: Any = None, memory: Any = None, **settings: Any) -> list[Outcome]:
    session = Session()

    async def run() -> list[Outcome]:
        adapter = session.adapter(kind, feedback, **settings)
        known = memory or {}
        outcomes = []
        for told in steps:
            outcomes.append(await adapter.deliver(told, known))
            known = outcomes[-1].reference or known
        return outcomes

    return session.run(run)


def bot(far: SlackStandIn, **more: Any) -> dict[str, Any]:
    return {"token": far.token, "web_api_url": far.api_url, "channel": far.channel, **more}


def test_a_story_in_slack_is_a_thread_whose_first_message_says_how_it_ended() -> None:
    with SlackStandIn() as far:
        outcomes = deliver("slack", *story(), **bot(far))
        assert [one.outcome for one in outcomes] == ["delivered"] * 3
        (root,) = far.threads()
        assert root["edited"]
        assert root["text"] == "🟢 [Resolved] Disk of node-0 is full in 2 d"
        assert len(far.replies(root["ts"])) == 2
        assert outcomes[2].reference == {"ts": root["ts"], "channel": far.channel}


def test_a_thread_whose_first_message_is_gone_is_told_all_the_same() -> None:
    with SlackStandIn() as far:
        outcomes = deliver("slack", story()[2], **bot(far))
        assert outcomes[0].is_delivered
        session = Session()

        async def run() -> Outcome:
            return await session.adapter("slack", **bot(far)).deliver(story()[2], {"ts": "1.1", "channel": far.channel})

        assert session.run(run).is_delivered
        assert far.messages[-1]["thread_ts"] == "1.1"


def test_a_message_that_cannot_be_changed_now_is_changed_before_its_thread_is_told() -> None:
    with SlackStandIn() as far:
        opening, _, resolving = story()
        (opened,) = deliver("slack", opening, **bot(far))
        far.fail_next(Fault("status", 500), path="/chat.update")
        first, second = deliver("slack", resolving, resolving, memory=opened.reference, **bot(far))
        assert (first.outcome, second.outcome) == ("retry", "delivered")
        (root,) = far.threads()
        assert len(far.replies(root["ts"])) == 1


def test_an_answer_that_is_not_slacks_is_tried_again() -> None:
    with SlackStandIn() as far:
        far.fail_next(Fault("status", 200), path="/chat.postMessage")
        (found,) = deliver("slack", story()[0], **bot(far))
        assert (found.outcome, found.status) == ("retry", 200)
        assert found.text.startswith("no answer of Slack's API")


def test_a_bot_that_may_not_read_the_channel_posts_without_looking() -> None:
    with SlackStandIn(may_read=False) as far:
        assert deliver("slack", story()[0], **bot(far))[0].is_delivered
        assert len(far.messages) == 1


@pytest.mark.parametrize(
    ("settings", "outcome", "said"),
    [
        ({"channel": "C0"}, "refused", "channel_not_found"),
        ({"token": "xoxb-revoked"}, "retry", "invalid_auth"),
    ],
)
def test_slack_says_no_with_ok_false(settings: dict[str, Any], outcome: str, said: str) -> None:
    with SlackStandIn() as far:
        (found,) = deliver("slack", story()[0], **bot(far, **settings))
        assert (found.outcome, found.status, found.text) == (outcome, 200, said)


def test_a_webhook_of_slack_has_buttons_for_verdicts_and_its_address_stays_secret() -> None:
    with SlackStandIn() as far:

        def link(told: Any, verdict: str) -> str:
            return f"https://console.example.com/feedback/{verdict}"

        deliver("slack", story()[0], api_url=far.webhook_url, feedback=link)
        buttons = far.messages[0]["blocks"][-1]["elements"]
        assert [one["text"]["text"] for one in buttons] == [
            "Open incident", "It needed action", "False alarm", "Duplicate", "Logs",
        ]  # fmt: skip
        assert buttons[0]["url"] == "https://console.example.com/incidents/incident-1"
        (outcome,) = deliver("slack", story()[0], api_url=f"{far.url}/services/T0/B0/wrongsecret")
        assert (outcome.outcome, outcome.text) == ("refused", "no_service")


@pytest.mark.parametrize(("kind", "prefix"), [("opsgenie", ""), ("jsm", "/jsm/ops/integration")])
def test_a_story_in_opsgenie_is_one_alert_that_is_noted_on_and_closed(kind: str, prefix: str) -> None:
    with OpsgenieStandIn(prefix) as far:
        settings = {"api_key": far.key, "api_url": far.api_url, "responders": [{"type": "team", "name": "sre"}]}
        outcomes = deliver(kind, *story(dedup_key="team a/incident?1"), **settings)
        assert [one.outcome for one in outcomes] == ["delivered"] * 3
        (found,) = far.alerts["team a/incident?1"]
        assert not found.is_open
        assert found.body["priority"] == "P1"
        assert found.body["message"] == "[P0] Disk of node-0 is full in 2 d"
        assert found.body["responders"] == [{"type": "team", "name": "sre"}]
        assert ["One more" in note for note in found.notes] == [True, False]
        assert outcomes[0].reference["request_id"] == "request-0"


def test_a_priority_that_rises_is_raised_in_opsgenie_and_noted_in_jsm() -> None:
    opening, update, _ = story(priority="P1")
    risen = update.model_copy(update={"priority": "P0"})
    with OpsgenieStandIn() as far:
        deliver("opsgenie", opening, risen, api_key=far.key, api_url=far.api_url)
        found = far.open_alert("incident-1")
        assert found is not None
        assert found.body["priority"] == "P1"
    with OpsgenieStandIn("/jsm/ops/integration") as far:
        outcomes = deliver("jsm", opening, risen, api_key=far.key, api_url=far.api_url)
        assert [one.outcome for one in outcomes] == ["delivered"] * 2
        found = far.open_alert("incident-1")
        assert found is not None
        assert "[P0]" in found.notes[0]


def test_an_alias_that_was_closed_by_hand_is_not_opened_by_an_update() -> None:
    with OpsgenieStandIn() as far:
        opening, update, resolving = story()
        deliver("opsgenie", opening, api_key=far.key, api_url=far.api_url)
        found = far.open_alert("incident-1")
        assert found is not None
        found.is_open = False
        memory = {"priority": "P1", "request_id": "request-0"}
        outcomes = deliver("opsgenie", update, resolving, memory=memory, api_key=far.key, api_url=far.api_url)
        assert [one.outcome for one in outcomes] == ["delivered"] * 2
        assert (far.opens("incident-1"), far.dropped) == (1, 2)


def test_an_update_of_what_was_never_told_opens_it() -> None:
    with OpsgenieStandIn() as far:
        deliver("opsgenie", story()[1], api_key=far.key, api_url=far.api_url)
        assert far.opens("incident-1") == 1
    with SlackStandIn() as far:
        deliver("slack", story()[1], **bot(far))
        assert len(far.threads()) == 1


def test_a_webhook_is_signed_and_trimmed() -> None:
    with WebhookStandIn("shared") as far:
        many = notification(alerts=[alert(number) for number in range(9)], truncated_alerts=4)
        assert deliver("webhook", many, url=far.hook_url, secret="shared", max_alerts=2)[0].is_delivered
        body, sent = far.received[0], far.requests[0]
        assert (len(body["alerts"]), body["truncatedAlerts"]) == (2, 11)
        assert body["externalURL"] == "https://console.example.com"
        assert body["alerts"][0]["startsAt"] == "2026-02-28T23:59:00.000Z"
        assert sent.headers["x-metrics-ai-timestamp"] == str(AT_MS // 1000)
        check_ours(sent.headers, sent.body, ["shared"], NOW_S)
        (outcome,) = deliver("webhook", many, url=far.hook_url, secret="other")
        assert (outcome.outcome, outcome.status) == ("retry", 401)


def test_the_same_notification_is_the_same_body_again() -> None:
    with WebhookStandIn() as far:
        deliver("webhook", *story(), *story(), url=far.hook_url)
        assert far.requests[0].body == far.requests[3].body
        assert (far.opens("incident-1"), far.repeats) == (1, 3)
