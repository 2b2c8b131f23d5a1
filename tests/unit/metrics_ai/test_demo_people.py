"""Who is told in the demonstration."""

from __future__ import annotations

import json

from incidents.routing.reading import read_routing
from integrations.delivery.webhook import SIGNATURE, TIMESTAMP, signature
from metrics_ai.demo import DemoSettings, Verdict
from metrics_ai.demo_people import ESCALATION_S, LocalReceiver, Told, routes
from tests.unit.metrics_ai.test_demo import FAULT_MS, _incident

BODY = {
    "notification_id": "n1",
    "action": "open",
    "severity_route": "P0",
    "reason": "it is new",
    "incident_id": "i-1",
    "alerts": [{"labels": {"alertname": "SloBurn"}, "annotations": {}}],
}


def _take(receiver: LocalReceiver, key: str | None = None, body: bytes = json.dumps(BODY).encode()) -> int:
    signed = signature(receiver.secret if key is None else key, "1772323200", body)
    return receiver.take("page", {TIMESTAMP.lower(): "1772323200", SIGNATURE.lower(): signed}, body)


def test_what_is_told_twice_is_taken_once() -> None:
    with LocalReceiver() as receiver:
        assert [_take(receiver), _take(receiver)] == [200, 200]
        assert [one.line for one in receiver.news()] == ["page is told (open, P0), since it is new: SloBurn"]
        assert receiver.news() == []


def test_what_is_not_signed_or_no_notification_is_refused() -> None:
    with LocalReceiver() as receiver:
        assert _take(receiver, key="another") == 401
        assert _take(receiver, body=b"{}") == 400
        assert _take(receiver, body=b"[1]") == 400
        assert receiver.told == []


def test_its_routes_hold_and_page_what_is_urgent() -> None:
    reading = read_routing(json.dumps(routes("http://127.0.0.1:1", "s")).encode(), "demo")
    assert reading.config is not None, reading.problems
    assert [one.receiver for one in reading.config.root.walk()] == ["ticket", "page"]
    assert [(after, one.name) for after, one in reading.config.escalates_to("page")] == [
        (ESCALATION_S * 1000, "second-line")
    ]


def test_somebody_must_be_told_of_the_incident_itself() -> None:
    verdict = Verdict(DemoSettings(), FAULT_MS)
    verdict.latest.take([("i-1", _incident(3))])
    verdict.told = [Told(FAULT_MS, "page", BODY | {"incident_id": "another"})]
    assert not verdict.is_told
    verdict.told.append(Told(FAULT_MS, "page", BODY | {"action": "update"}))
    assert not verdict.is_told
    verdict.told.append(Told(FAULT_MS, "page", BODY))
    assert verdict.is_told


def test_the_page_may_be_left_alone() -> None:
    assert DemoSettings.from_environment({}).acknowledges
    assert not DemoSettings.from_environment({"DEMO_ACK": "no"}).acknowledges
