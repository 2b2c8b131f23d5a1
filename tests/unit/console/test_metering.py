"""Requests are counted by what was asked for, not by whom or what it was about."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from console.metering import Meter
from console.settings import ConsoleSettings
from integrations.telemetry import Telemetry
from tests.unit.console.asgi import Api, alert, bearer, token


def counted(telemetry: Telemetry) -> dict[tuple[str, str, str], float]:
    """By method, route and status."""
    return {
        (one.labels["method"], one.labels["route"], one.labels["status"]): one.value
        for family in telemetry.registry.collect()
        for one in family.samples
        if one.name == "metrics_ai_http_requests_total"
    }


def timed(telemetry: Telemetry, suffix: str = "count") -> float:
    found = [one for family in telemetry.registry.collect() for one in family.samples]
    return sum(one.value for one in found if one.name == f"metrics_ai_http_request_seconds_{suffix}")


def test_requests_are_counted_by_route_and_status_whatever_ids_they_name() -> None:
    api = Api()
    api.store.put(alert(1))
    api.store.put(alert(2))
    for one in (alert(1), alert(2), alert(3)):
        api.get(f"/api/v1/alerts/{one.id}")
    api.get("/api/v2/alerts")
    api.get("/-/healthy")
    assert counted(api.telemetry) == {
        ("GET", "/api/v1/alerts/{alert_id}", "200"): 2.0,
        ("GET", "/api/v1/alerts/{alert_id}", "404"): 1.0,
        ("GET", "/api/v2/alerts", "200"): 1.0,
        ("GET", "/-/healthy", "200"): 1.0,
    }
    assert timed(api.telemetry) == 5


def test_paths_and_methods_that_there_are_not_make_no_series_of_their_own() -> None:
    api = Api()
    for path in ("/a", "/b"):
        api.get(path)
    for method in ("BREW", "STEEP"):
        api.ask(method, "/c")
    assert {key[:2] for key in counted(api.telemetry)} == {("GET", "other"), ("other", "other")}


def test_what_is_refused_before_anything_looks_at_it_is_counted() -> None:
    api = Api(ConsoleSettings(tokens=[token("eye", "viewer")]))
    api.get("/api/v1/alerts")
    api.get("/api/v1/alerts", **bearer("eye"))
    api.post("/api/v1/silences", headers={"Origin": "https://evil.example"})
    found = counted(api.telemetry)
    assert found["GET", "/api/v1/alerts", "401"] == found["GET", "/api/v1/alerts", "200"] == 1.0
    assert found["POST", "other", "403"] == 1.0


async def _fails(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("broken")


async def _streams(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await receive()
    await send({"type": "http.response.body", "body": b""})


def _ask(meter: Meter, clock: list[float]) -> None:
    async def receive() -> Message:
        clock[0] += 100.0
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        del message

    asyncio.run(meter({"type": "http", "method": "GET", "path": "/"}, receive, send))


def test_a_request_that_breaks_counts_as_500() -> None:
    telemetry, clock = Telemetry("console"), [0.0]
    with pytest.raises(RuntimeError):
        _ask(Meter(_fails, telemetry, lambda: clock[0]), clock)
    assert counted(telemetry) == {("GET", "other", "500"): 1.0}


def test_a_stream_is_timed_until_it_begins() -> None:
    telemetry, clock = Telemetry("console"), [0.0]
    _ask(Meter(_streams, telemetry, lambda: clock[0]), clock)
    assert (timed(telemetry), timed(telemetry, "sum")) == (1.0, 0.0)
