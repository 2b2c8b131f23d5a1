"""Alertmanager's API: bodies, filters and statuses as its clients know them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.console.asgi import NOW_MS, Api, alert

SILENCE = {
    "matchers": [{"name": "alertname", "value": "Disk", "isRegex": False, "isEqual": True}],
    "startsAt": "2026-11-23T15:00:00.000Z",
    "endsAt": "2026-11-23T16:00:00.000Z",
    "createdBy": "eva",
    "comment": "disk is replaced",
}


@pytest.fixture
def api() -> Api:
    return Api()


def test_an_alert_that_is_posted_is_in_the_next_answer(api: Api) -> None:
    posted = [
        {"labels": {"alertname": "Disk", "node": "n1"}, "annotations": {"summary": "full"}, "generatorURL": "http://p"}
    ]
    answer = api.post("/api/v2/alerts", posted)
    assert (answer.status_code, answer.json()) == (200, None)
    (shown,) = api.get("/api/v2/alerts").json()
    assert shown == {
        "annotations": {"summary": "full"},
        "endsAt": "2026-11-23T15:05:00.000Z",
        "fingerprint": "71ff7d6d4e351cee",
        "receivers": [{"name": "default"}],
        "startsAt": "2026-11-23T15:00:00.000Z",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
        "updatedAt": "2026-11-23T15:00:00.000Z",
        "generatorURL": "http://p",
        "labels": {"alertname": "Disk", "node": "n1"},
    }


def test_an_alert_whose_end_has_passed_is_gone_from_the_answer(api: Api) -> None:
    labels = {"alertname": "Disk"}
    api.post("/api/v2/alerts", [{"labels": labels}])
    ended = api.post("/api/v2/alerts", [{"labels": labels, "endsAt": "2026-11-23T14:59:59Z"}])
    assert (ended.status_code, api.get("/api/v2/alerts").json()) == (200, [])


def test_go_writes_the_year_one_for_no_time(api: Api) -> None:
    zero = "0001-01-01T00:00:00.000Z"
    assert api.post("/api/v2/alerts", [{"labels": {"a": "b"}, "startsAt": zero, "endsAt": zero}]).status_code == 200
    (command,) = api.stage.sent
    assert [(one["starts_ms"], one["ends_ms"]) for one in command.body.model_dump()["alerts"]] == [(None, None)]


def test_of_several_alerts_the_good_ones_are_taken_and_the_others_named(api: Api) -> None:
    posted: list[dict[str, Any]] = [
        {"labels": {"alertname": "good", "empty": ""}},
        {"labels": {"bad name": "x"}},
        {"labels": {"alertname": ""}},
        {"labels": {"alertname": "backwards"}, "startsAt": "2026-11-23T15:00:00Z", "endsAt": "2026-11-23T14:00:00Z"},
    ]
    answer = api.post("/api/v2/alerts", posted)
    assert answer.status_code == 400
    assert answer.json().split("; ") == [
        "alert 1: 'bad name' is no name of a label",
        "alert 2: it has no label with a value",
        "alert 3: it ends before it starts",
    ]
    assert [one["labels"] for one in api.get("/api/v2/alerts").json()] == [{"alertname": "good"}]


@pytest.mark.parametrize("body", [b"{", b"{}", b"[1]", b'[{"labels": {"a": 1}}]', b'[{"labels": {}, "startsAt": "x"}]'])
def test_a_body_of_another_shape_is_refused_with_a_text(api: Api, body: bytes) -> None:
    answer = api.ask("POST", "/api/v2/alerts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert isinstance(answer.json(), str)


def _names(api: Api, path: str = "/api/v2/alerts", **params: Any) -> list[str]:
    return [one["labels"]["node"] for one in api.get(path, params=params).json()]


def test_alerts_are_filtered_by_matchers_of_their_labels_and_of_those_that_routing_adds(api: Api) -> None:
    for number in (1, 2, 3):
        api.store.put(alert(number, priority="P0" if number == 3 else "P1"))
    assert _names(api, filter='node="n1"') == ["n1"]
    assert _names(api, filter='node=~"n[12]"') == ["n1", "n2"]
    assert _names(api, filter=['node!="n1"', "alertname=Disk"]) == ["n2", "n3"]
    assert _names(api, filter="priority=P0") == ["n3"]
    assert _names(api, receiver="def.*") == ["n1", "n2", "n3"]
    assert _names(api, receiver="def") == []


@pytest.mark.parametrize("params", [{"filter": "=~"}, {"filter": 'node=~"("'}, {"receiver": "("}, {"active": "maybe"}])
def test_a_filter_that_cannot_be_read_is_refused(api: Api, params: dict[str, str]) -> None:
    answer = api.get("/api/v2/alerts", params=params)
    assert answer.status_code == 400
    assert isinstance(answer.json(), str)


def test_a_silenced_alert_is_shown_as_suppressed_and_only_where_it_is_asked_for(api: Api) -> None:
    api.store.put(alert(1))
    api.store.put(alert(2, labels={"alertname": "Cpu", "node": "n2"}))
    silence_id = api.post("/api/v2/silences", SILENCE).json()["silenceID"]
    found = {one["labels"]["node"]: one["status"] for one in api.get("/api/v2/alerts").json()}
    assert found["n1"] == {"state": "suppressed", "silencedBy": [silence_id], "inhibitedBy": [], "mutedBy": []}
    assert found["n2"]["state"] == "active"
    assert _names(api, silenced="false") == ["n2"]
    assert _names(api, active="false") == ["n1"]


def test_a_silence_counts_from_its_start_to_its_end_whenever_alerts_are_next_looked_at(api: Api) -> None:
    api.store.put(alert(1))
    unaware = dict(api.store.statuses_of["default"])
    silence_id = api.post("/api/v2/silences", SILENCE).json()["silenceID"]
    aware = dict(api.store.statuses_of["default"])
    api.store.statuses_of["default"].update(unaware)
    (shown,) = api.get("/api/v2/alerts").json()
    assert (shown["status"]["state"], shown["status"]["silencedBy"]) == ("suppressed", [silence_id])
    api.ask("DELETE", f"/api/v2/silence/{silence_id}")
    api.store.statuses_of["default"].update(aware)
    (shown,) = api.get("/api/v2/alerts").json()
    assert (shown["status"]["state"], shown["status"]["silencedBy"]) == ("active", [])


def test_an_alert_that_nobody_has_routed_yet_is_unprocessed(api: Api) -> None:
    api.store.put(alert(1))
    api.store.statuses_of["default"].clear()
    (shown,) = api.get("/api/v2/alerts").json()
    assert (shown["status"]["state"], shown["receivers"]) == ("unprocessed", [{"name": "default"}])
    assert _names(api, unprocessed="false") == []


def test_groups_are_told_by_receiver_and_labels(api: Api) -> None:
    for number in (1, 2):
        api.store.put(alert(number))
    api.store.put(alert(3, labels={"alertname": "Cpu", "node": "n3"}))
    groups = api.get("/api/v2/alerts/groups").json()
    told = [(one["labels"], one["receiver"]["name"], len(one["alerts"])) for one in groups]
    assert told == [({"alertname": "Cpu"}, "default", 1), ({"alertname": "Disk"}, "default", 2)]
    assert api.get("/api/v2/alerts/groups", params={"receiver": "x"}).json() == []


def test_every_alert_is_shown_however_many_pages_the_store_has(api: Api) -> None:
    for number in range(1, 1203):
        api.store.put(alert(number))
    assert len(api.get("/api/v2/alerts").json()) == 1202


def test_a_silence_that_is_posted_is_in_the_next_answer_as_it_was_posted(api: Api) -> None:
    silence_id = api.post("/api/v2/silences", SILENCE).json()["silenceID"]
    expected = {**SILENCE, "id": silence_id, "status": {"state": "active"}, "updatedAt": "2026-11-23T15:00:00.000Z"}
    assert api.get("/api/v2/silences").json() == [expected]
    assert api.get(f"/api/v2/silence/{silence_id}").json() == expected


def test_a_silence_is_changed_in_place_and_another_one_once_its_matchers_change(api: Api) -> None:
    first = api.post("/api/v2/silences", SILENCE).json()["silenceID"]
    longer = {**SILENCE, "id": first, "endsAt": "2026-11-23T18:00:00.000Z"}
    assert api.post("/api/v2/silences", longer).json()["silenceID"] == first
    other = {**longer, "matchers": [{"name": "node", "value": "n1", "isRegex": False}]}
    second = api.post("/api/v2/silences", other).json()["silenceID"]
    assert second != first
    assert api.get(f"/api/v2/silence/{first}").json()["status"] == {"state": "expired"}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"endsAt": "2026-11-23T14:00:00Z"}, "the start time must be before the end time"),
        ({"startsAt": "2026-11-23T13:00:00Z", "endsAt": "2026-11-23T14:00:00Z"}, "the end time cannot be in the past"),
        ({"matchers": []}, "/body/matchers: List should have at least 1 item after validation, not 0"),
        (
            {"matchers": [{"name": "a", "value": ".*", "isRegex": True}]},
            "at least one matcher must not match the empty text. It would mute every alert; name a label",
        ),
    ],
)
def test_a_silence_that_cannot_hold_is_refused(api: Api, change: dict[str, Any], text: str) -> None:
    answer = api.post("/api/v2/silences", {**SILENCE, **change})
    assert (answer.status_code, answer.json()) == (400, text)


def test_a_pattern_that_may_take_for_ever_is_refused(api: Api) -> None:
    matchers = [{"name": "a", "value": "(a+)+", "isRegex": True}]
    answer = api.post("/api/v2/silences", {**SILENCE, "matchers": matchers})
    assert answer.status_code == 400
    assert "may take for ever" in answer.json()


def test_silences_are_ended_once_and_unknown_ones_not_found(api: Api) -> None:
    silence_id = api.post("/api/v2/silences", SILENCE).json()["silenceID"]
    assert api.ask("DELETE", f"/api/v2/silence/{silence_id}").status_code == 200
    assert api.get(f"/api/v2/silence/{silence_id}").json()["status"]["state"] == "expired"
    assert api.ask("DELETE", f"/api/v2/silence/{silence_id}").status_code == 500
    unknown = "/api/v2/silence/31a01943-1dc7-54dd-ba1b-11e25886fbef"
    assert [api.ask(method, unknown).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert api.get("/api/v2/silence/none").status_code == 400


def test_silences_are_told_in_alertmanagers_order(api: Api) -> None:
    def put(name: str, start: str, end: str) -> None:
        matchers = [{"name": "n", "value": name, "isRegex": False}]
        api.post("/api/v2/silences", {**SILENCE, "matchers": matchers, "startsAt": start, "endsAt": end})

    put("ends later", "2026-11-23T14:00:00Z", "2026-11-23T18:00:00Z")
    put("ends first", "2026-11-23T14:00:00Z", "2026-11-23T17:00:00Z")
    put("starts later", "2026-11-24T14:00:00Z", "2026-11-25T00:00:00Z")
    put("starts first", "2026-11-23T20:00:00Z", "2026-11-25T00:00:00Z")
    put("over", "2026-11-23T14:00:00Z", "2026-11-23T15:00:01Z")
    put("over before", "2026-11-23T14:00:00Z", "2026-11-23T15:00:00.500Z")
    api.now_ms = NOW_MS + 2000
    names = [one["matchers"][0]["value"] for one in api.get("/api/v2/silences").json()]
    assert names == ["ends first", "ends later", "starts first", "starts later", "over", "over before"]
    shown = api.get("/api/v2/silences", params={"filter": 'n="over"'}).json()
    assert [one["status"]["state"] for one in shown] == ["expired"]


def test_status_and_receivers_tell_of_us(api: Api) -> None:
    status = api.get("/api/v2/status").json()
    assert status["cluster"] == {"status": "disabled", "peers": []}
    assert (status["versionInfo"]["version"], status["uptime"]) == ("1.2.3", "2026-11-23T15:00:00.000Z")
    assert "receiver: default" in status["config"]["original"]
    assert api.get("/api/v2/receivers").json() == [{"name": "default"}]


def test_a_silence_whose_outcome_is_not_known_in_time_is_no_success(api: Api) -> None:
    api.stage.is_slow = True
    answer = api.post("/api/v2/silences", SILENCE)
    assert answer.status_code == 503
    assert "it is written" in answer.json()


def test_alerts_that_nobody_has_taken_up_yet_are_safe_and_accepted(api: Api) -> None:
    api.stage.is_slow = True
    assert api.post("/api/v2/alerts", [{"labels": {"alertname": "Disk"}}]).status_code == 200
    api.stage.catch_up()
    assert len(api.get("/api/v2/alerts").json()) == 1
