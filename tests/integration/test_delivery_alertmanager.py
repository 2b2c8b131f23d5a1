"""A real Alertmanager beside us: the stand-ins take what it sends, we read its file, and our webhook says the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from incidents.routing.reading import routing_from
from integrations.delivery.building import settings_for
from schemas.ids import alert_fingerprint
from tests.integration.vendors.alertmanager import RealAlertmanager
from tests.integration.vendors.notifications import alert, notification
from tests.integration.vendors.opsgenie import OpsgenieStandIn
from tests.integration.vendors.pagerduty import PagerDutyStandIn
from tests.integration.vendors.session import Session
from tests.integration.vendors.slack import SlackStandIn
from tests.integration.vendors.webhook import WebhookStandIn

KEY = "0123456789abcdef0123456789abcdef"
LABELS = {"alertname": "DiskFull", "node": "node-0", "severity": "critical"}
CONFIG = """
global:
  pagerduty_url: {pagerduty}
  opsgenie_api_url: {opsgenie}
  opsgenie_api_key: {genie_key}
route:
  receiver: all
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 300ms
receivers:
  - name: all
    pagerduty_configs:
      - routing_key: {key}
    opsgenie_configs:
      - send_resolved: true
    webhook_configs:
      - url: {webhook}
    slack_configs:
      - api_url: {slack}
        channel: sre
        send_resolved: true
"""


class FarEnds:
    """All of them, started."""

    def __init__(self) -> None:
        self.pagerduty = PagerDutyStandIn()
        self.opsgenie = OpsgenieStandIn()
        self.webhook = WebhookStandIn()
        self.slack = SlackStandIn()
        self.all = (self.pagerduty, self.opsgenie, self.webhook, self.slack)

    def __enter__(self) -> Self:
        for one in self.all:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.all:
            one.stop()

    @property
    def config(self) -> str:
        return CONFIG.format(
            key=KEY,
            pagerduty=self.pagerduty.enqueue_url,
            opsgenie=self.opsgenie.api_url,
            genie_key=self.opsgenie.key,
            webhook=self.webhook.hook_url,
            slack=self.slack.webhook_url,
        )


def posted(**parts: Any) -> dict[str, Any]:
    annotations = {"summary": "The disk of node-0 is full in 2 d"}
    return {"labels": LABELS, "annotations": annotations, "generatorURL": "http://prometheus/g", **parts}


def test_what_alertmanager_sends_is_taken_by_the_far_ends_that_take_ours(tmp_path: Path) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    with FarEnds() as far, RealAlertmanager(tmp_path, far.config) as real:
        real.post(posted(startsAt=began.isoformat()))
        assert all(one.wait_for(1) for one in far.all)
        real.post(posted(startsAt=began.isoformat(), endsAt=(datetime.now(UTC) - timedelta(seconds=1)).isoformat()))
        assert all(one.wait_for(2) for one in far.all)
        assert [event.effect for event in far.pagerduty.events] == ["opened", "resolved"]
        ((found,),) = far.opsgenie.alerts.values()
        assert not found.is_open
        assert [body["status"] for body in far.webhook.received] == ["firing", "resolved"]
        assert len(far.slack.messages) == 2

        ours = our_webhook(real.config, far, round(began.timestamp() * 1000))
    theirs = far.webhook.received[0]
    assert set(theirs) <= set(ours)
    same = set(theirs) - {"alerts", "externalURL"}
    assert {key: ours[key] for key in same} == {key: theirs[key] for key in same}
    (one,), (other,) = ours["alerts"], theirs["alerts"]
    assert set(one) == set(other)
    assert datetime.fromisoformat(one.pop("startsAt")) - datetime.fromisoformat(other.pop("startsAt")) < timedelta(
        milliseconds=1
    )
    assert one == other


def our_webhook(file: Path, far: FarEnds, began_ms: int) -> dict[str, Any]:
    """What we send for the same alert by the same file."""
    receiver = routing_from(file.read_bytes(), str(file)).receivers["all"]
    kinds = {one.kind: one for one in receiver.integrations}
    assert set(kinds) == {"pagerduty", "opsgenie", "webhook", "slack"}
    read = {kind: settings_for(one, kind).unused_keys() for kind, one in kinds.items()}
    assert set(read.values()) == {()}
    told = notification(
        receiver="all",
        integration="webhook[0]",
        group_key='{}:{alertname="DiskFull"}',
        group_labels={"alertname": "DiskFull"},
        common_labels=LABELS,
        common_annotations={"summary": "The disk of node-0 is full in 2 d"},
        alerts=[
            alert(
                fingerprint=alert_fingerprint(LABELS),
                labels=LABELS,
                started_ms=began_ms,
                generator_url="http://prometheus/g",
            )
        ],
    )
    session = Session()

    async def run() -> None:
        for kind, one in kinds.items():
            outcome = await session.adapter(kind, **one.settings).deliver(told, {})
            assert outcome.is_delivered, (kind, outcome)

    session.run(run)
    return far.webhook.received[-1]
