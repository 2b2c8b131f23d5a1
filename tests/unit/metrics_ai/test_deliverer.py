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


def deliverer(folder: Path, text: str = LOG, look_every_s: float = 0.0, now_s: float = 2.0) -> Deliverer:
    path = folder / "routes.yaml"
    path.write_text(text)
    file = RoutingFile(RoutingSettings(file=path))
    return Deliverer(file, look_every_s=look_every_s, clock=lambda: now_s)


def test_a_notification_goes_to_the_adapter_of_its_integration(tmp_path: Path) -> None:
    outcome = asyncio.run(deliverer(tmp_path)(told(), {}))
    assert outcome.outcome == "delivered"


@pytest.mark.parametrize(("age_s", "outcome"), [(0.0, "retry"), (599.0, "retry"), (601.0, "refused")])
def test_a_receiver_that_is_not_known_is_waited_for_ten_minutes(tmp_path: Path, age_s: float, outcome: str) -> None:
    deliver = deliverer(tmp_path, now_s=told().at_ms / 1000 + age_s)
    found = asyncio.run(deliver(told(receiver="new"), {}))
    assert found.outcome == outcome
    assert "receiver new has no log[0]" in found.text
    assert "the same file" in found.text


def test_for_a_receiver_that_is_not_known_the_file_is_looked_at_before_its_turn(tmp_path: Path) -> None:
    deliver = deliverer(tmp_path, look_every_s=3600.0)
    (tmp_path / "routes.yaml").write_text(LOG.replace("team", "new"))
    assert asyncio.run(deliver(told(receiver="new"), {})).outcome == "delivered"


def test_a_receiver_that_left_the_file_is_told_that_its_pages_are_over(tmp_path: Path) -> None:
    async def live() -> list[str]:
        deliver = deliverer(tmp_path, now_s=1e9)
        found = [(await deliver(told(), {})).outcome]
        for name in ("other", "third"):
            (tmp_path / "routes.yaml").write_text(LOG.replace("team", name))
            over = told().model_copy(update={"action": "resolve", "sequence": 2})
            found.append((await deliver(over, {})).outcome)
        return found

    assert asyncio.run(live()) == ["delivered"] * 3


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

    assert asyncio.run(live()) == ["delivered"] * 5


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
