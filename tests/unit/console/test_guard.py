"""What a request passes before anything looks at it."""

from __future__ import annotations

import pytest

from console.settings import ConsoleSettings
from tests.unit.console.asgi import Api, alert, bearer, token

ACK = f"/api/v1/alerts/{alert().id}/acknowledge"


@pytest.fixture
def api() -> Api:
    api = Api(ConsoleSettings(max_body_bytes=2048))
    api.store.put(alert())
    return api


def test_a_page_of_another_site_cannot_act_through_somebodys_browser(api: Api) -> None:
    assert api.post(ACK, headers={"Origin": "https://evil.example"}).status_code == 403
    assert api.post(ACK, headers={"Origin": "null"}).status_code == 403
    assert api.post(ACK, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert api.stage.sent == []
    assert api.post(ACK, headers={"Origin": "http://localhost:8080"}).status_code == 200


def test_a_page_of_ours_may_act_under_the_name_that_a_proxy_gives_it() -> None:
    api = Api(ConsoleSettings(external_url="https://metrics.example.org/"))
    api.store.put(alert())
    assert api.post(ACK, headers={"Origin": "https://metrics.example.org"}).status_code == 200
    assert api.post(ACK, headers={"Origin": "https://other.example.org"}).status_code == 403
    # A stricter policy would have browsers hide where our own forms come from.
    assert api.get("/api/v1/status").headers["Referrer-Policy"] == "same-origin"


def test_without_tokens_a_name_that_somebody_else_gave_this_machine_is_refused(api: Api) -> None:
    assert api.get("/api/v1/alerts", headers={"Host": "rebound.example:8080"}).status_code == 403
    for host in ("127.0.0.1:8080", "[::1]:8080", "localhost"):
        assert api.get("/api/v1/alerts", headers={"Host": host}).status_code == 200, host


def test_with_tokens_it_answers_under_any_name() -> None:
    api = Api(ConsoleSettings(tokens=[token("eye", "viewer")]))
    assert api.get("/api/v1/alerts", **bearer("eye", Host="metrics.example.org")).status_code == 200


def test_a_request_that_is_too_large_is_refused_whether_or_not_it_says_so(api: Api) -> None:
    async def endless() -> object:
        for _ in range(100):
            yield b'{"note": "' + b"x" * 100

    headers = {"Content-Type": "application/json"}
    said = api.ask("POST", ACK, content=b" " * 4000, headers=headers)
    assert (said.status_code, said.json()["title"]) == (413, "Request Entity Too Large")
    assert api.ask("POST", ACK, content=endless(), headers=headers).status_code == 413
    assert api.stage.sent == []


def test_more_requests_than_agreed_are_told_when_to_come_back() -> None:
    api = Api()
    api.store.rates.wait_s = 1.2
    refused = api.get("/api/v1/alerts")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert api.store.rates.taken == ["api/address/127.0.0.1"]


def test_without_a_limit_nothing_is_counted() -> None:
    api = Api(ConsoleSettings(requests_per_minute=0))
    api.store.rates.wait_s = 1.2
    assert api.get("/api/v1/alerts").status_code == 200


def test_nothing_may_keep_or_reinterpret_an_answer(api: Api) -> None:
    headers = api.get("/api/v1/alerts").headers
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "Access-Control-Allow-Origin" not in headers


def test_health_needs_no_token_and_no_name() -> None:
    api = Api(ConsoleSettings(tokens=[token("eye", "viewer")]))
    assert [api.get(path).text for path in ("/-/healthy", "/-/ready")] == ["OK\n", "OK\n"]
