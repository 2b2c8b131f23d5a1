"""Calls over real HTTP: bounded in time and size, no redirect, verified, and no secret in what is said of them."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations.delivery import Outcome
from integrations.delivery.calling import MAX_ANSWER_BYTES, Answer, Call, Caller, Clients, Surroundings
from integrations.delivery.settings import HttpConfig
from schemas.errors import MachineError
from tests.integration.vendors.certificate import self_signed
from tests.integration.vendors.notifications import notification
from tests.integration.vendors.session import NOW_S, Session
from tests.integration.vendors.standin import Fault, Reply, Request, StandIn


class Echo(StandIn):
    """Answers as it is told."""

    def __init__(self, reply: Callable[[Request], Reply], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.reply = reply

    def answer(self, request: Request) -> Reply:
        return self.reply(request)


def call(far: StandIn, timeout_s: float = 5.0, **http: Any) -> Answer:
    clients = Clients()
    session = Session()

    async def run() -> Answer:
        try:
            caller = Caller(Surroundings(clients, now=lambda: NOW_S), HttpConfig.model_validate(http), timeout_s)
            return await caller.call(Call(f"{far.url}/path", {"a": 1}))
        finally:
            await clients.aclose()

    return session.run(run)


def test_an_answer_is_read_up_to_64_kib() -> None:
    with Echo(lambda _: Reply(200, b"x" * 1_000_000)) as far:
        answer = call(far)
        assert (answer.status, len(answer.body)) == (200, MAX_ANSWER_BYTES)


def test_an_answer_that_is_packed_is_not_unpacked() -> None:
    with Echo(lambda _: Reply(200, gzip.compress(bytes(50_000_000)), {"Content-Encoding": "gzip"})) as far:
        answer = call(far)
        assert (answer.status, answer.json()) == (200, None)
        assert len(answer.body) <= MAX_ANSWER_BYTES
        assert far.requests[0].headers["accept-encoding"] == "identity"


def test_a_redirect_is_not_followed() -> None:
    with (
        Echo(lambda _: Reply(200)) as elsewhere,
        Echo(lambda _: Reply(307, headers={"Location": elsewhere.url})) as far,
    ):
        assert call(far).status == 307
        assert elsewhere.requests == []


def test_an_answer_that_drips_is_too_slow_in_all() -> None:
    with Echo(lambda _: Reply(200)) as far:
        far.fail_next(Fault("slow", seconds=3))
        answer = call(far, timeout_s=0.2)
        assert (answer.status, answer.is_sent, answer.failure) == (None, True, "no whole answer within 0.2 s")


def test_a_status_whose_body_breaks_off_counts() -> None:
    with Echo(lambda _: Reply(202, b"x" * 5000, {"Content-Length": "9000", "Connection": "close"})) as far:
        answer = call(far)
        assert (answer.status, answer.is_ok) == (202, True)
        assert answer.failure


def test_what_did_not_connect_was_not_sent_and_what_was_hung_up_on_may_have_been() -> None:
    far = Echo(lambda _: Reply(200))
    with far:
        far.fail_next(Fault("reset"))
        hung_up = call(far)
    away = call(far)
    assert (hung_up.status, hung_up.is_sent) == (None, True)
    assert (away.status, away.is_sent) == (None, False)
    assert away.failure.startswith("cannot connect")


def test_headers_say_who_we_are() -> None:
    with Echo(lambda _: Reply(200)) as far:
        call(far, basic_auth={"username": "u", "password": "p"})
        call(far, authorization={"credentials": "t"})
        sent = [request.headers for request in far.requests]
        assert [one["authorization"] for one in sent] == ["Basic dTpw", "Bearer t"]
        assert sent[0]["user-agent"] == "metrics-ai"
        assert sent[0]["content-type"] == "application/json"


def test_two_answers_to_one_request_confuse_no_later_one() -> None:
    numbers = iter(range(9))
    with Echo(lambda _: Reply(200, {"n": next(numbers)})) as far:
        far.fail_next(Fault("duplicate"))
        clients = Clients()
        session = Session()

        async def run() -> list[Any]:
            caller = Caller(Surroundings(clients), HttpConfig(), 5.0)
            found = [(await caller.call(Call(far.url, {}))).json() for _ in range(3)]
            await clients.aclose()
            return found

        assert session.run(run) == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("status", [401, 500, 400])
def test_a_far_end_that_repeats_our_secrets_does_not_make_us_repeat_them(status: int) -> None:
    def repeat(request: Request) -> Reply:
        said = f"bad {request.headers.get('authorization')} {request.body.decode()} {request.path}"
        return Reply(status, said)

    session = Session()
    with Echo(repeat) as far:

        async def run() -> list[Outcome]:
            told = notification()
            secretive = [
                session.adapter("pagerduty", routing_key="hidden-hidden-hidden-hidden-hidde", url=f"{far.url}/enqueue"),
                session.adapter("opsgenie", api_key="hidden-key", api_url=far.url),
                session.adapter("slack", token="hidden-token", channel="C1", web_api_url=far.url),
                session.adapter(
                    "webhook", url=f"{far.url}/p", http_config={"authorization": {"credentials": "hidden"}}
                ),
            ]
            return [await one.deliver(told, {}) for one in secretive]

        for outcome in session.run(run):
            assert outcome.status == status
            assert "bad" in outcome.text
            assert "hidden" not in outcome.text


def test_a_name_that_is_not_proved_is_not_spoken_to(tmp_path: Path) -> None:
    trusted, context = self_signed(tmp_path)
    with Echo(lambda _: Reply(200), context) as far:
        refused = call(far)
        assert refused.status is None
        assert "CERTIFICATE_VERIFY_FAILED" in refused.failure
        assert far.requests == []
        assert call(far, tls_config={"ca_file": str(trusted)}).status == 200
        assert call(far, tls_config={"insecure_skip_verify": True}).status == 200
        with pytest.raises(MachineError, match="cannot read the authorities of TLS"):
            call(far, tls_config={"ca_file": str(tmp_path / "none.pem")})
