"""``/api/v1/silences`` and ``/api/v1/routes``."""

from __future__ import annotations

import pytest

from tests.unit.console.asgi import NOW_MS, Api, alert

WANTED = {"matchers": ["alertname=Disk", 'node=~"n[12]"'], "ends_at": "2026-11-23T16:00:00Z", "by": "eva"}


@pytest.fixture
def api() -> Api:
    api = Api()
    for number in (1, 2, 3):
        api.store.put(alert(number))
    return api


def test_a_silence_is_made_changed_and_ended(api: Api) -> None:
    made = api.post("/api/v1/silences", WANTED)
    assert made.status_code == 201
    path = f"/api/v1/silences/{made.json()['subject']}"
    shown = api.get(path).json()
    assert (shown["state"], shown["silence"]["created_by"], shown["silence"]["starts_ms"]) == ("active", "eva", NOW_MS)
    changed = api.ask("PUT", path, json={**WANTED, "ends_at": "2026-11-23T20:00:00Z"})
    assert (changed.status_code, changed.json()["subject"]) == (200, made.json()["subject"])
    assert api.ask("DELETE", path).status_code == 200
    assert api.get(path).json()["state"] == "expired"
    assert api.ask("DELETE", path).status_code == 409
    assert api.get("/api/v1/silences", params={"state": "active"}).json() == []


def test_unknown_silences_are_404(api: Api) -> None:
    assert [api.ask(method, "/api/v1/silences/none").status_code for method in ("GET", "DELETE")] == [404, 404]


def test_a_preview_tells_what_would_be_muted_and_mutes_nothing(api: Api) -> None:
    answer = api.post("/api/v1/silences/preview", {"matchers": WANTED["matchers"]}).json()
    assert (answer["matched"], answer["firing"]) == (2, 3)
    assert {one["labels"]["node"] for one in answer["alerts"]} == {"n1", "n2"}
    assert api.stage.sent == []


def test_matchers_may_be_objects_too(api: Api) -> None:
    body = {"matchers": [{"name": "node", "value": "n1", "is_equal": False}]}
    assert (
        api.post("/api/v1/silences/preview", {"matchers": [*body["matchers"], "alertname=Disk"]}).json()["matched"] == 2
    )


def test_routes_are_told_and_tried(api: Api) -> None:
    assert api.get("/api/v1/routes").json()["route"]["receiver"] == "default"
    tried = api.post("/api/v1/routes/test", {"labels": {"alertname": "Disk"}, "at": "2026-11-28T12:00:00Z"}).json()
    assert tried == [{"receiver": "default", "group_labels": {"alertname": "Disk"}}]
