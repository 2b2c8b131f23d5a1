"""``/api/v1/alerts``: lists, acknowledgements, reasons and verdicts."""

from __future__ import annotations

import pytest

from schemas.notification_events import Decision
from tests.unit.console.asgi import NOW_MS, Api, alert


@pytest.fixture
def api() -> Api:
    api = Api()
    for number in (1, 2, 3):
        api.store.put(alert(number, priority="P0" if number == 2 else "P1"))
    return api


def test_alerts_come_in_pages_each_once_the_latest_first(api: Api) -> None:
    seen, cursor = [], ""
    while True:
        page = api.get("/api/v1/alerts", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [one["alert"]["fingerprint"] for one in page["items"]]
        cursor = page.get("cursor", "")
        if not cursor:
            break
    assert seen == ["f1", "f2", "f3"]


def test_a_cursor_that_is_none_of_ours_is_refused(api: Api) -> None:
    answer = api.get("/api/v1/alerts", params={"cursor": "nonsense"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert "no page ended with the cursor" in answer.json()["detail"]


def test_alerts_are_filtered_by_state_priority_and_labels(api: Api) -> None:
    api.store.put(alert(4, state="resolved"))

    def found(**params: object) -> list[str]:
        page = api.get("/api/v1/alerts", params=params).json()
        return [one["alert"]["fingerprint"] for one in page["items"]]

    assert found(state="resolved") == ["f4"]
    assert found(priority="P0") == ["f2"]
    assert found(priority=["P0", "P1"], state="firing") == ["f1", "f2", "f3"]
    assert found(filter='node=~"n[34]"') == ["f3", "f4"]


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 1001}, {"state": "red"}, {"priority": "P9"}])
def test_a_question_that_cannot_hold_names_the_parameter(api: Api, params: dict[str, object]) -> None:
    problem = api.get("/api/v1/alerts", params=params).json()
    assert (problem["status"], problem["title"], problem["instance"]) == (400, "Bad Request", "/api/v1/alerts")
    assert problem["errors"][0]["pointer"].startswith(f"/query/{next(iter(params))}")


def test_why_tells_every_decision_in_order(api: Api) -> None:
    status = api.store.statuses_of["default"][alert().id]
    steps = ("rule", "route", "notification")
    told = [Decision(at_ms=NOW_MS, step=step, verdict="yes", text=f"because of {step}") for step in steps]
    api.store.statuses_of["default"][alert().id] = status.model_copy(update={"decisions": told})
    why = api.get(f"/api/v1/alerts/{alert().id}/why").json()
    assert [one["step"] for one in why["decisions"]] == list(steps)
    # Of lists they are left out: they are many.
    assert api.get("/api/v1/alerts").json()["items"][0]["status"]["decisions"] == []


def test_an_acknowledgement_is_in_the_next_answer_and_can_be_taken_back(api: Api) -> None:
    path = f"/api/v1/alerts/{alert().id}"
    done = api.post(f"{path}/acknowledge", {"note": "mine", "by": "eva"})
    assert (done.status_code, done.json()["status"], done.json()["subject"]) == (200, "done", alert().id)
    assert api.get(path).json()["status"]["acknowledged"] == {"by": "eva", "at_ms": NOW_MS, "note": "mine"}
    assert api.post(f"{path}/unacknowledge").status_code == 200
    assert "acknowledged" not in api.get(path).json()["status"]


def test_what_is_unknown_is_404_and_what_cannot_be_done_409(api: Api) -> None:
    assert api.post("/api/v1/alerts/none/acknowledge").status_code == 404
    assert api.get("/api/v1/alerts/none").status_code == 404
    assert api.get("/api/v1/alerts/none/why").status_code == 404
    api.store.put(alert(1, state="resolved"))
    refused = api.post(f"/api/v1/alerts/{alert().id}/acknowledge")
    assert (refused.status_code, refused.json()["detail"]) == (409, f"alert {alert().id} has ended")


def test_a_verdict_is_written_with_the_alerts_labels_and_read_back(api: Api) -> None:
    said = api.post(f"/api/v1/alerts/{alert().id}/feedback", {"verdict": "false", "by": "eva", "note": "a test"})
    assert said.status_code == 200
    (written,) = api.stage.verdicts
    assert (written.verdict, written.labels, written.by) == ("false", alert().labels, "eva")
    assert api.get(f"/api/v1/alerts/{alert().id}").json()["feedback"]["note"] == "a test"


@pytest.mark.parametrize("body", [{"verdict": "perhaps"}, {}, {"verdict": "false", "more": 1}])
def test_only_three_verdicts_are_known(api: Api, body: dict[str, object]) -> None:
    assert api.post(f"/api/v1/alerts/{alert().id}/feedback", body).status_code == 400
    assert api.stage.verdicts == []


def test_a_verdict_on_an_alert_that_nobody_knows_is_not_written(api: Api) -> None:
    assert api.post("/api/v1/alerts/none/feedback", {"verdict": "false"}).status_code == 404
    assert api.stage.verdicts == []
