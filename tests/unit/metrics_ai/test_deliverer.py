"""Who is told by which adapter, as the file of routes changes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from incidents.routing.settings import RoutingSettings
from metrics_ai.deliverer import Deliverer
from metrics_ai.routing_files import RoutingFile
from schemas.errors import ConfigurationError
from schemas.notification_events import Notification

LOG = "route: {receiver: team}\nreceivers: [{name: team, log_configs: [{}]}]\n"


def told(receiver: str = "team", integration: str = "log[0]") -> Notification:
    body: dict[str, Any] = {
        "id": "n1",
        "tenant": "acme",
        "receiver": receiver,
        "integration": integration,
        "action": "open",
        "dedup_key": "i1",
        "sequence": 1,
        "group_key": "{}:{}",
        "at_ms": 1000,
        "status": "firing",
        "reason": "it is new",
        "priority": "P2",
        "severity": "warning",
        "title": "a disk is full",
        "alerts": [],
    }
    return Notification(**body)


def deliverer(folder: Path, text: str = LOG) -> Deliverer:
    path = folder / "routes.yaml"
    path.write_text(text)
    return Deliverer(RoutingFile(RoutingSettings(file=path)), look_every_s=0.0)


def test_a_notification_goes_to_the_adapter_of_its_integration(tmp_path: Path) -> None:
    outcome = asyncio.run(deliverer(tmp_path)(told(), {}))
    assert outcome.outcome == "delivered"


def test_one_whose_receiver_is_gone_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    outcome = asyncio.run(deliverer(tmp_path)(told(receiver="gone"), {}))
    assert outcome.outcome == "refused"
    assert "Keep a receiver until its incidents are over" in outcome.text


def test_a_file_that_changes_is_gone_by_at_once_and_one_that_does_not_hold_changes_nothing(tmp_path: Path) -> None:
    async def live() -> list[str]:
        deliver = deliverer(tmp_path)
        found = [(await deliver(told(), {})).outcome]
        (tmp_path / "routes.yaml").write_text("route: {receiver: nobody}\n")
        found.append((await deliver(told(), {})).outcome)
        wrong = LOG.replace("log_configs: [{}]", "pagerduty_configs: [{routing_key: short, timeout: -1s}]")
        (tmp_path / "routes.yaml").write_text(wrong)
        found.append((await deliver(told(), {})).outcome)
        (tmp_path / "routes.yaml").write_text(LOG.replace("team", "other"))
        found.append((await deliver(told(), {})).outcome)
        return [*found, (await deliver(told(receiver="other"), {})).outcome]

    assert asyncio.run(live()) == ["delivered", "delivered", "delivered", "refused", "delivered"]


def test_a_secret_lies_beside_the_file_of_routes_wherever_the_worker_runs(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    routes = LOG.replace("log_configs: [{}]", "webhook_configs: [{url_file: secrets/hook}]")
    missing = asyncio.run(deliverer(tmp_path, routes)(told(integration="webhook[0]"), {}))
    assert f"{tmp_path}/secrets/hook" in missing.text
    (tmp_path / "secrets" / "hook").write_text("http://127.0.0.1:1/\n")
    found = asyncio.run(deliverer(tmp_path, routes)(told(integration="webhook[0]"), {}))
    assert "secrets/hook" not in found.text
    assert found.outcome == "retry"


def test_settings_of_an_integration_that_do_not_hold_refuse_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="team"):
        deliverer(tmp_path, LOG.replace("log_configs: [{}]", "pagerduty_configs: [{routing_key: k, timeout: -1s}]"))
