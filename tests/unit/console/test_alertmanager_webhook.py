"""What an Alertmanager tells its webhooks is taken as alerts of ours."""

from __future__ import annotations

from typing import Any

import pytest

from console.settings import ConsoleSettings, WebhookSettings
from schemas.command_events import PostAlerts, PostedAlert
from tests.unit.console.asgi import NOW_MS, Api, bearer, token

PATH = "/api/v1/webhooks/alertmanager"
NEVER = "0001-01-01T00:00:00Z"


def told(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "receiver": "metrics-ai",
        "status": "firing",
        "alerts": list(alerts),
        "groupLabels": {"alertname": "Disk"},
        "commonLabels": {"alertname": "Disk"},
        "commonAnnotations": {},
        "externalURL": "http://am:9093",
        "version": "4",
        "groupKey": '{}:{alertname="Disk"}',
        "truncatedAlerts": 0,
        **more,
    }


def one(status: str = "firing", node: str = "n1", **more: Any) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": "Disk", "node": node},
        "annotations": {"summary": "full"},
        "startsAt": "2026-11-23T14:50:00Z",
        "endsAt": NEVER,
        "generatorURL": "http://prometheus/g",
        "fingerprint": "71ff7d6d4e351cee",
        **more,
    }


def posted(api: Api) -> list[PostedAlert]:
    found = [each.body for each in api.stage.sent]
    return [alert for body in found if isinstance(body, PostAlerts) for alert in body.alerts]


def test_an_alert_that_fires_goes_on_until_it_is_told_to_be_over() -> None:
    api = Api(ConsoleSettings(webhooks=WebhookSettings(alertmanager_timeout_s=7200)))
    assert (api.post(PATH, told(one())).json(), len(posted(api))) == ({"taken": 1}, 1)
    (alert,) = posted(api)
    assert (alert.labels, alert.annotations) == ({"alertname": "Disk", "node": "n1"}, {"summary": "full"})
    assert (alert.starts_ms, alert.ends_ms) == (NOW_MS - 600_000, NOW_MS + 7_200_000)
    assert alert.generator_url == "http://prometheus/g"
    (shown,) = api.get("/api/v2/alerts").json()
    assert shown["fingerprint"] == "71ff7d6d4e351cee"
    over = one("resolved", endsAt="2026-11-23T14:59:00Z")
    assert api.post(PATH, told(over, status="resolved")).status_code == 200
    assert api.get("/api/v2/alerts").json() == []
    assert posted(api)[-1].ends_ms == NOW_MS - 60_000


def test_what_is_told_again_is_the_same_alert() -> None:
    api = Api()
    for _ in range(3):
        assert api.post(PATH, told(one(), one(node="n2"))).json() == {"taken": 2}
    assert len(api.get("/api/v2/alerts").json()) == 2


def test_with_an_idempotency_key_a_repeat_is_the_same_command() -> None:
    api = Api()
    for _ in range(2):
        api.post(PATH, told(one()), headers={"Idempotency-Key": "k"})
    assert len({each.id for each in api.stage.sent}) == 1


def test_the_tenant_is_the_tokens_and_reading_is_not_enough() -> None:
    api = Api(ConsoleSettings(tokens=[token("am", "responder", ["shop"]), token("eye", "viewer")]))
    assert api.post(PATH, told(one())).status_code == 401
    assert api.post(PATH, told(one()), **bearer("eye")).status_code == 403
    assert api.post(PATH, told(one()), **bearer("am")).status_code == 200
    assert [(each.tenant, each.by) for each in api.stage.sent] == [("shop", "am")]


def test_of_several_alerts_the_good_ones_are_taken_and_the_others_named() -> None:
    api = Api()
    answer = api.post(PATH, told(one(), one(labels={"bad name": "x"}), one(node="n3")))
    assert (answer.status_code, answer.json()["detail"]) == (400, "alert 1: 'bad name' is no name of a label")
    assert [each.labels["node"] for each in posted(api)] == ["n1", "n3"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"alerts": []}, "/body/version"),
        (told(one(), version="3"), "/body/version"),
        (told({"labels": {"a": "b"}}), "/body/alerts/0/status"),
        (told(one(endsAt="soon")), "/body/alerts/0/endsAt"),
    ],
)
def test_a_body_of_another_shape_is_refused_and_says_where(body: dict[str, Any], pointer: str) -> None:
    api = Api()
    answer = api.post(PATH, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert api.stage.sent == []
