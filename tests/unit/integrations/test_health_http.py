"""Health over HTTP: what each path answers, and what a taken port says."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

import pytest

from integrations.health_http import HealthServer, Response, telemetry_routes
from integrations.telemetry import HEARTBEAT_LIMIT_S, Telemetry
from schemas.errors import MachineError


def _get(server: HealthServer, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(server.url + path, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_readiness_follows_the_worker() -> None:
    telemetry = Telemetry("detect")
    with HealthServer(telemetry_routes(telemetry)) as server:
        assert _get(server, "/readyz")[0] == 503
        telemetry.set_ready("detect")
        status, body = _get(server, "/readyz")
        assert (status, json.loads(body)["components"]) == (200, {"detect": True})


def test_health_follows_the_heartbeat() -> None:
    now_s = [0.0]
    telemetry = Telemetry("detect", clock=lambda: now_s[0])
    telemetry.beat("detect")
    with HealthServer(telemetry_routes(telemetry)) as server:
        assert _get(server, "/healthz")[0] == 200
        now_s[0] = HEARTBEAT_LIMIT_S + 1
        status, body = _get(server, "/healthz")
        assert (status, json.loads(body)["silent"]) == (503, ["detect"])


def test_metrics_are_served_with_a_query_too() -> None:
    telemetry = Telemetry("ingest")
    telemetry.samples.labels("ingest").inc(3)
    with HealthServer(telemetry_routes(telemetry)) as server:
        status, body = _get(server, "/metrics?x=1")
        assert (status, b'metrics_ai_samples_total{stage="ingest"} 3.0' in body) == (200, True)


def test_an_unknown_page_names_those_that_are() -> None:
    with HealthServer({"/a": lambda: Response.of({})}) as server:
        status, body = _get(server, "/b")
        assert (status, json.loads(body)["pages"]) == (404, ["/a"])


def test_a_taken_port_is_an_error_with_a_way_out() -> None:
    with HealthServer({}) as server, pytest.raises(MachineError, match=f"port {server.port} of") as caught:
        HealthServer({}, port=server.port)
    assert "another port" in caught.value.way_out


def test_nothing_is_left_when_it_is_closed() -> None:
    before = threading.active_count()
    server = HealthServer({})
    server.close()
    assert threading.active_count() == before
