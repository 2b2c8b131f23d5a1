"""The guide of integrations: its settings are read, and what it shows is what far ends are sent."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from integrations.delivery.building import SETTINGS, settings_for
from tests.integration.vendors.jira import JiraStandIn
from tests.integration.vendors.mailbox import MailboxStandIn
from tests.integration.vendors.notifications import notification, story
from tests.integration.vendors.opsgenie import OpsgenieStandIn
from tests.integration.vendors.pagerduty import PagerDutyStandIn
from tests.integration.vendors.session import Entry, Session
from tests.integration.vendors.webhook import WebhookStandIn

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "integrations.md"
KEY = "0123456789abcdef0123456789abcdef"


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [text for named, text in fenced if named == language]


def entries() -> list[tuple[str, dict[str, Any]]]:
    receivers = [one for block in blocks("yaml") for one in yaml.safe_load(block)["receivers"]]
    lists = [(key, value) for receiver in receivers for key, value in receiver.items() if key != "name"]
    return [(key.removesuffix("_configs"), entry) for key, value in lists for entry in value]


def configured(kind: str, number: int = 0) -> dict[str, Any]:
    """The settings that the guide gives to a kind, without the files of secrets that they name."""
    found = [entry for known, entry in entries() if known == kind][number]
    return {key: value for key, value in found.items() if not key.endswith("_file")}


def sent(kind: str, **settings: Any) -> None:
    session = Session()

    async def run() -> None:
        outcome = await session.adapter(kind, **settings).deliver(notification(id="n1"), {})
        assert outcome.is_delivered, outcome

    session.run(run)


def shown() -> dict[str, Any]:
    """What far ends are sent by the settings of the guide."""
    with PagerDutyStandIn() as pagerduty:
        sent("pagerduty", **configured("pagerduty"), routing_key=KEY, url=pagerduty.enqueue_url)
        event = pagerduty.events[0].body
    with JiraStandIn(2) as jira:
        basic = {"basic_auth": {"username": jira.user, "password": jira.password}}
        sent("jira", **{**configured("jira"), "api_url": jira.api_url, "http_config": basic})
        fields = jira.issues["OPS-1"].fields
    with OpsgenieStandIn("/jsm/ops/integration") as jsm:
        sent("jsm", **configured("jsm"), api_key=jsm.key, api_url=jsm.api_url)
        alert = jsm.alerts["incident-1"][0].body
    with WebhookStandIn("shared") as webhook:
        sent("webhook", **{**configured("webhook"), "url": webhook.hook_url}, secret="shared")
        body, headers = webhook.received[0], webhook.requests[0].headers
    signed = [f"{name}: {headers[name.lower()]}" for name in ("X-Metrics-AI-Timestamp", "X-Metrics-AI-Signature")]
    return {"json": [event, {"fields": fields}, alert, body], "": ["\n".join(signed), mailed()]}


def mailed() -> str:
    with MailboxStandIn() as far:
        session = Session()
        settings = {**configured("email"), "smarthost": far.smarthost, "require_tls": False}
        settings.pop("auth_username")

        async def run() -> None:
            for told in story():
                assert (await session.adapter("email", **settings).deliver(told, {})).is_delivered

        session.run(run)
        last = far.mails[2]
    names = ("From", "To", "Subject", "Message-ID", "References")
    head = "\n".join(f"{name}: {last[name]}" for name in names)
    text = next(iter(last.iter_parts())).get_content().replace("\r\n", "\n")
    return f"{head}\n\n{text.split('Forecast')[0].strip()}\n..."


def test_every_setting_that_the_guide_shows_is_read_and_means_something() -> None:
    found = entries()
    for kind, entry in found:
        assert settings_for(Entry(kind, **entry), kind).unused_keys() == ()
    assert {kind for kind, _ in found} == set(SETTINGS) - {"opsgenie"}


def test_what_the_guide_shows_is_what_far_ends_are_sent() -> None:
    expected = shown()
    assert [json.loads(block) for block in blocks("json")] == expected["json"]
    assert [block.strip() for block in blocks("")] == expected[""]


def test_the_check_that_the_guide_gives_to_receivers_holds() -> None:
    (program,) = blocks("python")
    names: dict[str, Any] = {}
    exec(program, names)  # the guide's own program
    with WebhookStandIn() as far:
        sent("webhook", url=far.hook_url, secret="shared")
        one = far.requests[0]
    timestamp, signature = one.headers["x-metrics-ai-timestamp"], one.headers["x-metrics-ai-signature"]
    assert names["is_ours"]("shared", timestamp, signature, one.body)
    assert not names["is_ours"]("shared", timestamp, signature, one.body + b" ")
