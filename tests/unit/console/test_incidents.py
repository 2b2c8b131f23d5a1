"""``/api/v1/incidents``: reading them, and every step of their life."""

from __future__ import annotations

import pytest

from console.ports import Extras, Form
from tests.unit.console.asgi import Api, incident


class Reports:
    """Writes one line."""

    def report(self, tenant: str, incident_id: str, form: Form) -> str | None:
        return f"{tenant}/{incident_id} as {form}" if incident_id == "i1" else None


@pytest.fixture
def api() -> Api:
    api = Api(extras=Extras(reports=Reports()))
    for number in (1, 2, 3):
        api.store.incidents_of["default"][f"i{number}"] = incident(number, priority=f"P{number}")
    return api


def test_incidents_come_the_last_to_change_first_and_filtered(api: Api) -> None:
    def found(**params: object) -> list[str]:
        return [one["id"] for one in api.get("/api/v1/incidents", params=params).json()["items"]]

    assert found() == ["i3", "i2", "i1"]
    assert found(priority=["P1", "P3"]) == ["i3", "i1"]
    assert found(state="resolved") == []


@pytest.mark.parametrize(
    ("word", "state"), [("acknowledge", "acknowledged"), ("mitigate", "mitigated"), ("resolve", "resolved")]
)
def test_a_step_is_in_the_next_answer(api: Api, word: str, state: str) -> None:
    done = api.post(f"/api/v1/incidents/i1/{word}", {"by": "eva", "note": "on it"})
    assert (done.status_code, done.json()["subject"]) == (200, "i1")
    assert api.get("/api/v1/incidents/i1").json()["state"] == state
    assert api.stage.sent[0].by == "eva"


def test_an_acknowledgement_is_taken_back_and_what_is_over_reviewed(api: Api) -> None:
    words = ("acknowledge", "unacknowledge", "resolve", "review")
    states = []
    for word in words:
        assert api.post(f"/api/v1/incidents/i1/{word}").status_code == 200
        states.append(api.get("/api/v1/incidents/i1").json()["state"])
    assert states == ["acknowledged", "open", "resolved", "reviewed"]


def test_a_step_that_is_not_allowed_is_409_and_an_unknown_incident_404(api: Api) -> None:
    refused = api.post("/api/v1/incidents/i1/review")
    assert (refused.status_code, refused.json()["title"]) == (409, "Conflict")
    assert refused.json()["detail"] == "incident i1 is open, and cannot become reviewed"
    assert api.post("/api/v1/incidents/none/resolve").status_code == 404
    assert api.post("/api/v1/incidents/i1/explode").status_code == 400


def test_notes_stand_on_the_timeline(api: Api) -> None:
    assert api.post("/api/v1/incidents/i1/notes", {"note": "failed over"}).status_code == 200
    (entry,) = api.get("/api/v1/incidents/i1/timeline").json()
    assert (entry["kind"], entry["text"]) == ("note", "failed over")
    assert api.post("/api/v1/incidents/i1/notes", {"note": ""}).status_code == 400
    assert api.get("/api/v1/incidents/none/timeline").status_code == 404


def test_two_incidents_become_one_and_a_part_becomes_another(api: Api) -> None:
    assert api.post("/api/v1/incidents/i1/merge", {"other_id": "i2"}).status_code == 200
    assert api.get("/api/v1/incidents/i2").json()["id"] == "i1"
    assert api.post("/api/v1/incidents/i1/merge", {"other_id": "none"}).status_code == 404
    split = api.post("/api/v1/incidents/i1/split", {"alert_ids": ["a1"]})
    assert split.status_code == 200
    assert api.get(f"/api/v1/incidents/{split.json()['subject']}").status_code == 200
    assert api.post("/api/v1/incidents/i1/split", {"alert_ids": []}).status_code == 400


@pytest.mark.parametrize(
    ("form", "kind"), [("md", "text/markdown"), ("json", "application/json"), ("html", "text/html")]
)
def test_a_report_comes_in_the_form_that_is_asked_for(api: Api, form: str, kind: str) -> None:
    answer = api.get("/api/v1/incidents/i1/report", params={"format": form})
    assert answer.text == f"default/i1 as {form}"
    assert answer.headers["Content-Type"].startswith(kind)


def test_there_is_no_report_of_nothing_or_without_who_writes_it(api: Api) -> None:
    assert api.get("/api/v1/incidents/i9/report").status_code == 404
    assert api.get("/api/v1/incidents/i1/report", params={"format": "pdf"}).status_code == 400
    assert Api().get("/api/v1/incidents/i1/report").status_code == 501
