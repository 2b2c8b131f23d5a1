"""How a write becomes a command, is waited for, and is done once however often it is asked for."""

from __future__ import annotations

import pytest

from tests.unit.console.asgi import Api, alert, incident

ACK = f"/api/v1/alerts/{alert().id}/acknowledge"


@pytest.fixture
def api() -> Api:
    api = Api()
    api.store.put(alert())
    return api


def test_what_is_not_done_in_time_is_accepted_and_can_be_asked_for_later(api: Api) -> None:
    api.stage.is_slow = True
    accepted = api.post(ACK)
    assert (accepted.status_code, accepted.json()["status"]) == (202, "accepted")
    where = accepted.headers["Location"]
    assert where == f"/api/v1/commands/{accepted.json()['command_id']}"
    assert api.get(where).status_code == 404
    api.stage.catch_up()
    assert api.get(where).json()["ok"] is True


def test_the_same_request_with_the_same_key_is_one_command(api: Api) -> None:
    keyed = {"headers": {"Idempotency-Key": "k1"}}
    first, second = api.post(ACK, {"note": "a"}, **keyed), api.post(ACK, {"note": "a"}, **keyed)
    assert first.json() == second.json()
    assert len(api.stage.sent) == 1


def test_a_repeat_while_the_first_is_under_way_has_the_same_id(api: Api) -> None:
    api.stage.is_slow = True
    keyed = {"headers": {"Idempotency-Key": "k1"}}
    assert api.post(ACK, **keyed).json() == api.post(ACK, **keyed).json()
    assert len({one.id for one in api.stage.sent}) == 1


def test_another_request_with_a_key_that_was_used_is_refused(api: Api) -> None:
    keyed = {"headers": {"Idempotency-Key": "k1"}}
    api.post(ACK, {"note": "a"}, **keyed)
    assert api.post(ACK, {"note": "b"}, **keyed).status_code == 422
    assert len(api.stage.sent) == 1


def test_without_a_key_each_request_is_its_own(api: Api) -> None:
    api.post(ACK)
    api.post(ACK)
    assert len({one.id for one in api.stage.sent}) == 2


def test_a_silence_that_is_asked_for_twice_is_one(api: Api) -> None:
    body = {"matchers": ["node=n1"], "ends_at": "2026-11-24T00:00:00Z"}
    keyed = {"headers": {"Idempotency-Key": "k1"}}
    answers = [api.post("/api/v1/silences", body, **keyed) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert len(api.get("/api/v1/silences").json()) == 1


def test_one_tenants_key_says_nothing_to_another(api: Api) -> None:
    api.store.incidents_of["shop"]["i1"] = incident(tenant="shop")
    api.store.incidents_of["default"]["i1"] = incident()
    for tenant in ("shop", "default"):
        headers = {"Idempotency-Key": "k1", "X-Tenant": tenant}
        assert api.post("/api/v1/incidents/i1/acknowledge", headers=headers).status_code == 200
    assert len(api.stage.sent) == 2
