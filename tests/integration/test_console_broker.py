"""The API over a broker and a real store: what is asked for is durable, done, and in the next answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from integrations.commands import KafkaCommands
from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics
from integrations.serving.embedded import EmbeddedValkey
from integrations.serving.settings import ServingSettings
from schemas.command_events import Command, ExpireSilence
from schemas.errors import BrokerError
from schemas.topics import CATALOGUE
from tests.integration.conftest import KAFKA
from tests.integration.harness.console import BrokerStage, whole_console
from tests.unit.console.asgi import incident


@pytest.fixture(scope="module", params=["embedded_broker", KAFKA])
def kafka(request: pytest.FixtureRequest) -> KafkaSettings:
    broker: KafkaSettings = request.getfixturevalue(request.param)
    update = {"topic_prefix": f"t{time.monotonic_ns()}.", "partitions": 3, "session_timeout_s": 2.0}
    laid_out = broker.model_copy(update=update)
    create_topics(laid_out, CATALOGUE, [])
    return laid_out


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingSettings]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield ServingSettings(url=valkey.url)


@pytest.fixture(scope="module")
def api(kafka: KafkaSettings, serving: ServingSettings) -> Iterator[tuple[httpx.Client, BrokerStage]]:
    with whole_console(kafka, serving) as (server, stage), httpx.Client(base_url=server.url, timeout=30) as client:
        yield client, stage


def _silence(node: str) -> dict[str, Any]:
    return {"matchers": [f"node={node}"], "ends_at": "2099-01-01T00:00:00Z", "by": "eva"}


def test_each_of_many_callers_sees_its_silence_in_the_next_answer(api: tuple[httpx.Client, BrokerStage]) -> None:
    client, _ = api

    def make(number: int) -> bool:
        tenant = {"X-Tenant": f"tenant-{number % 4}"}
        made = client.post("/api/v1/silences", json=_silence(f"n{number}"), headers=tenant)
        assert made.status_code == 201, made.text
        listed = client.get("/api/v2/silences", headers=tenant).json()
        return made.json()["subject"] in [one["id"] for one in listed]

    with ThreadPoolExecutor(8) as callers:
        assert all(callers.map(make, range(40)))


def test_an_alert_is_posted_silenced_acknowledged_and_judged(api: tuple[httpx.Client, BrokerStage]) -> None:
    client, _ = api
    posted = client.post("/api/v2/alerts", json=[{"labels": {"alertname": "Disk", "node": "x1"}}])
    assert posted.status_code == 200
    (alert,) = client.get("/api/v1/alerts", params={"filter": "node=x1"}).json()["items"]
    path = f"/api/v1/alerts/{alert['alert']['id']}"
    assert client.post(f"{path}/acknowledge", json={"by": "eva"}).status_code == 200
    assert client.get(path).json()["status"]["acknowledged"]["by"] == "eva"
    assert client.post(f"{path}/feedback", json={"verdict": "actioned", "by": "eva"}).status_code == 200
    assert client.get(path).json()["feedback"]["verdict"] == "actioned"
    assert client.post("/api/v1/silences", json=_silence("x1")).status_code == 201


def test_a_repeat_with_the_same_key_is_done_once(api: tuple[httpx.Client, BrokerStage]) -> None:
    client, stage = api
    headers = {"Idempotency-Key": "once", "X-Tenant": "repeats"}
    with ThreadPoolExecutor(4) as callers:
        answers = list(
            callers.map(lambda _: client.post("/api/v1/silences", json=_silence("n1"), headers=headers), range(4))
        )
    assert {one.json()["subject"] for one in answers} == {answers[0].json()["subject"]}
    assert len(client.get("/api/v1/silences", headers={"X-Tenant": "repeats"}).json()) == 1
    assert len(stage.store.silences("repeats")) == 1


def test_what_is_refused_says_why_and_what_is_unknown_is_not_found(api: tuple[httpx.Client, BrokerStage]) -> None:
    client, stage = api
    stage.store.incidents_of["default"]["i1"] = incident(tenant="default")
    assert client.post("/api/v1/incidents/i1/acknowledge", json={}).status_code == 200
    refused = client.post("/api/v1/incidents/i1/review", json={})
    assert (refused.status_code, "cannot become reviewed" in refused.json()["detail"]) == (409, True)
    assert client.post("/api/v1/incidents/none/resolve").status_code == 404


def test_what_changes_is_told_to_whoever_listens(api: tuple[httpx.Client, BrokerStage]) -> None:
    client, _ = api
    headers = {"X-Tenant": "listened"}
    client.post("/api/v1/silences", json=_silence("n1"), headers=headers)
    with client.stream("GET", "/api/v1/updates", headers={**headers, "Last-Event-ID": "0-0"}) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        kinds = (line for line in stream.iter_lines() if line.startswith("event: "))
        assert next(kinds) in ("event: silences", "event: commands.results")


def test_a_broker_that_is_away_is_said_at_once_and_in_one_line(kafka: KafkaSettings) -> None:
    away = KafkaCommands(kafka.model_copy(update={"bootstrap": "127.0.0.1:9"}))
    body = ExpireSilence(silence_id="s")
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:9|commands"):
        away.send(Command(id="c", tenant="default", at_ms=1_795_446_000_000, body=body))
    away.close()
