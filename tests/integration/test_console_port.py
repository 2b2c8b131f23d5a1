"""The stack's port: its own pages, and the API's process behind it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from console.settings import ConsoleSettings
from integrations.forwarding import Forwarder
from integrations.health_http import HealthServer, Response
from integrations.serving.store import Update
from tests.integration.harness.console import InMemory

ALERT = [{"labels": {"alertname": "Disk", "node": "n1"}}]


class Behind:
    """The port of whoever stands behind, which may go away."""

    port: int | None = None

    def __call__(self) -> int | None:
        return self.port


@pytest.fixture
def memory() -> InMemory:
    return InMemory()


@pytest.fixture
def behind(memory: InMemory) -> Iterator[Behind]:
    with memory.serve(ConsoleSettings(max_body_bytes=2048)) as server:
        found = Behind()
        found.port = server.port
        yield found


@pytest.fixture
def client(behind: Behind) -> Iterator[httpx.Client]:
    beyond = Forwarder(behind, lambda path: path.startswith("/api/"), 4096)
    pages = {"/": lambda: Response(b"the page", "text/plain"), "/api/own": lambda: Response.of({"own": True})}
    with HealthServer(pages, beyond=beyond) as server, httpx.Client(base_url=server.url, timeout=20) as client:
        yield client


def test_what_is_written_and_read_goes_there_and_back_on_one_line(client: httpx.Client) -> None:
    for _ in range(3):
        assert client.post("/api/v2/alerts", json=ALERT).status_code == 200
    (shown,) = client.get("/api/v2/alerts", params={"filter": 'node=~"n.*"'}).json()
    assert shown["labels"]["node"] == "n1"
    missing = client.delete("/api/v2/silence/31a01943-1dc7-54dd-ba1b-11e25886fbef")
    assert (missing.status_code, missing.json()) == (404, "there is no silence 31a01943-1dc7-54dd-ba1b-11e25886fbef")
    assert client.head("/api/v2/status").status_code == 405


def test_the_pages_stay_its_own_and_are_only_read(client: httpx.Client) -> None:
    assert client.get("/").text == "the page"
    assert client.get("/api/own").json() == {"own": True}
    assert client.get("/nothing").status_code == 404
    assert client.post("/", content=b"x").status_code == 405
    assert client.get("/").text == "the page"


def test_who_asks_is_told_behind_and_cannot_be_made_up(client: httpx.Client, memory: InMemory) -> None:
    client.get("/api/v2/alerts", headers={"X-Forwarded-For": "203.0.113.9"})
    assert set(memory.store.rates.taken) == {"api/address/127.0.0.1"}


def test_a_process_that_is_away_is_said_and_the_pages_go_on(client: httpx.Client, behind: Behind) -> None:
    before, behind.port = behind.port, None
    assert (client.get("/api/v1/status").status_code, client.get("/").text) == (503, "the page")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        behind.port = nobody.getsockname()[1]
        assert client.post("/api/v2/alerts", json=ALERT).status_code == 503
    behind.port = before
    assert client.get("/api/v1/status").status_code == 200


def test_requests_that_are_too_large_or_say_no_length_end_here(client: httpx.Client, memory: InMemory) -> None:
    assert client.post("/api/v2/alerts", content=b" " * 5000).status_code == 413
    assert client.post("/api/v2/alerts", content=iter([b"[]"])).status_code == 411
    # What this port lets through may still be too much for the API.
    assert client.post("/api/v2/alerts", content=b" " * 3000).status_code == 413
    assert memory.stage.sent == []


def test_a_stream_arrives_as_it_is_told(client: httpx.Client, memory: InMemory) -> None:
    memory.store.told = [Update("1-0", "alerts", "a1")]
    with client.stream("GET", "/api/v1/updates") as stream:
        lines = stream.iter_lines()
        told = [next(lines) for _ in range(5)]
    assert told == [": from now on", "", "id: 1-0", "event: alerts", 'data: {"id": "a1"}']


def test_a_client_that_hangs_up_in_the_middle_of_a_request_harms_nobody(client: httpx.Client) -> None:
    line = http.client.HTTPConnection(client.base_url.host, client.base_url.port or 80, timeout=5)
    line.putrequest("POST", "/api/v2/alerts")
    line.putheader("Content-Length", "1000")
    line.endheaders(json.dumps(ALERT).encode())
    line.close()
    assert client.get("/api/v1/status").status_code == 200
