"""What is done in a pager or a ticket comes back, once, and only with the right signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from console.ports import Asked, Extras, Said
from console.settings import ConsoleSettings, WebhookSecrets, WebhookSettings
from integrations.feedback_links import Verdict
from schemas.command_events import AcknowledgeAlert, MoveIncident, NoteIncident, UnacknowledgeAlert
from schemas.errors import SchemaError
from tests.unit.console.asgi import Api, alert, incident, token

PATH = "/api/v1/webhooks/pagerduty"


@dataclass(frozen=True)
class Wish:
    id: str = "e1"
    by: str = "eva"
    body: MoveIncident | NoteIncident | AcknowledgeAlert | UnacknowledgeAlert = field(
        default_factory=lambda: MoveIncident(incident_id="i1", to="acknowledged")
    )


@dataclass(frozen=True)
class Word:
    alert_id: str
    verdict: Verdict = "false"
    by: str = "eva"


def _reader(told: Sequence[Asked] | Sequence[Said]) -> Extras:
    def read(
        headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_ms: int
    ) -> Sequence[Asked] | Sequence[Said]:
        if headers.get("x-signature") not in secrets:
            raise SchemaError("the signature is not right")
        assert body == b"{}"
        return told

    return Extras(webhooks={"pagerduty": read})


def _api(told: Sequence[Asked] | Sequence[Said], secrets: WebhookSecrets) -> Api:
    settings = ConsoleSettings(tokens=[token("eye", "viewer")], webhooks=WebhookSettings(pagerduty=secrets))
    api = Api(settings, _reader(told))
    api.store.incidents_of["default"]["i1"] = incident()
    api.store.put(alert())
    return api


SECRETS = WebhookSecrets.model_validate({"secrets": ["new", "old"]})


@pytest.mark.parametrize("signature", ["new", "old"])
def test_what_somebody_did_elsewhere_is_done_here_in_their_name(signature: str) -> None:
    api = _api([Wish()], SECRETS)
    assert api.ask("POST", PATH, content=b"{}", headers={"X-Signature": signature}).json() == {"taken": 1}
    assert api.store.incidents_of["default"]["i1"].state == "acknowledged"
    assert api.stage.sent[0].by == "eva"


def test_a_webhook_that_is_sent_again_is_the_same_command() -> None:
    api = _api([Wish()], SECRETS)
    for _ in range(2):
        api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "new"})
    assert len({one.id for one in api.stage.sent}) == 1


ALERT_ID = "71ff7d6d4e351cee-1795446000000"


@pytest.mark.parametrize(
    "body", [MoveIncident(incident_id=ALERT_ID, to="resolved"), NoteIncident(incident_id=ALERT_ID, note="n")]
)
def test_what_is_asked_for_at_an_alerts_own_page_is_asked_for_of_its_incident(
    body: MoveIncident | NoteIncident,
) -> None:
    api = _api([Wish(body=body)], SECRETS)
    api.store.put(alert(id=ALERT_ID, incident_id="i1"))
    api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "new"})
    assert [one.body for one in api.stage.sent] == [body.model_copy(update={"incident_id": "i1"})]
    assert all(one.ok for one in api.store.results.values())


def test_an_alert_that_is_in_no_incident_is_left_to_the_stage_that_knows() -> None:
    body = MoveIncident(incident_id=ALERT_ID, to="resolved")
    for known in (True, False):
        api = _api([Wish(body=body)], SECRETS)
        if known:
            api.store.put(alert(id=ALERT_ID, incident_id=None))
        assert api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "new"}).status_code == 200
        assert [one.body for one in api.stage.sent] == [body]


def test_an_alert_is_acknowledged_from_its_own_page() -> None:
    body = AcknowledgeAlert(alert_id=alert().id, note="in PagerDuty")
    api = _api([Wish(body=body)], SECRETS)
    api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "new"})
    assert [one.body for one in api.stage.sent] == [body]


def test_what_cannot_be_done_is_no_reason_to_send_it_again() -> None:
    api = _api([Wish(body=MoveIncident(incident_id="none", to="resolved"))], SECRETS)
    assert api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "new"}).status_code == 200


def test_a_verdict_elsewhere_is_a_verdict_here() -> None:
    api = _api([Word(alert().id), Word("none")], SECRETS)
    assert api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "new"}).json() == {"taken": 2}
    assert [(one.alert_id, one.verdict, one.by) for one in api.stage.verdicts] == [(alert().id, "false", "eva")]


def test_a_forged_webhook_changes_nothing() -> None:
    api = _api([Wish()], SECRETS)
    answer = api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "guessed"})
    assert (answer.status_code, answer.json()["detail"]) == (401, "the signature is not right")
    assert api.stage.sent == []


def test_without_a_secret_webhooks_are_refused() -> None:
    api = _api([Wish()], WebhookSecrets())
    assert api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "new"}).status_code == 403
    assert api.ask("POST", "/api/v1/webhooks/jira", content=b"{}").status_code == 403
    assert api.ask("POST", "/api/v1/webhooks/other", content=b"{}").status_code == 400


def test_secrets_may_lie_in_a_file_and_change(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text("first\n")
    api = _api([Wish()], WebhookSecrets(secrets_file=path))
    assert api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "first"}).status_code == 200
    path.write_text("first\nsecond\n")
    assert api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "second"}).status_code == 200
    path.unlink()
    assert api.ask("POST", PATH, content=b"{}", headers={"X-Signature": "first"}).status_code == 503
