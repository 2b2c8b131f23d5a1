"""Who may ask for what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console.access import Keyring
from console.exposure import require_tokens
from console.settings import ConsoleSettings, TokenSettings
from schemas.errors import ConfigurationError
from tests.unit.console.asgi import Api, alert, bearer, token


@pytest.fixture
def guarded() -> Api:
    tokens = [
        token("eye", "viewer"),
        token("hand", "responder"),
        token("chief", "admin"),
        token("shop", "admin", ["shop"]),
    ]
    api = Api(ConsoleSettings(tokens=tokens))
    api.store.put(alert())
    return api


def test_without_a_token_nothing_is_told_once_there_are_tokens(guarded: Api) -> None:
    answer = guarded.get("/api/v1/alerts")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics-ai"')
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert guarded.get("/api/v2/alerts", **bearer("nobody")).status_code == 401


@pytest.mark.parametrize("word", ["", "Basic ZXllOnRva2Vu", "Bearer ", "Bearer eye-token "])
def test_only_the_very_token_opens(guarded: Api, word: str) -> None:
    shown = guarded.get("/api/v1/alerts", headers={"Authorization": word})
    assert shown.status_code == (200 if word.strip() == "Bearer eye-token" else 401)


def test_a_viewer_reads_and_changes_nothing(guarded: Api) -> None:
    assert guarded.get("/api/v1/alerts", **bearer("eye")).status_code == 200
    for method, path, body in (
        ("POST", f"/api/v1/alerts/{alert().id}/acknowledge", {}),
        ("POST", f"/api/v1/alerts/{alert().id}/feedback", {"verdict": "false"}),
        ("POST", "/api/v1/incidents/i1/resolve", {}),
        ("POST", "/api/v1/silences", {"matchers": ["a=b"], "ends_at": "2027-01-01T00:00:00Z"}),
        ("POST", "/api/v2/alerts", [{"labels": {"a": "b"}}]),
        ("DELETE", "/api/v2/silence/31a01943-1dc7-54dd-ba1b-11e25886fbef", None),
    ):
        assert guarded.ask(method, path, json=body, **bearer("eye")).status_code == 403, path
    assert guarded.stage.sent == []


def test_what_is_done_bears_the_tokens_name_and_only_an_admin_speaks_for_others(guarded: Api) -> None:
    path = f"/api/v1/alerts/{alert().id}/acknowledge"
    guarded.post(path, {"by": "eva"}, **bearer("hand"))
    guarded.post(path, {}, **bearer("hand"))
    guarded.post(path, {"by": "eva"}, **bearer("chief"))
    assert [one.by for one in guarded.stage.sent] == ["eva (token hand)", "hand", "eva"]


def test_a_token_of_a_tenant_sees_that_tenant_alone(guarded: Api) -> None:
    assert guarded.get("/api/v1/alerts", **bearer("shop")).json() == {"items": []}
    assert guarded.get("/api/v1/status", **bearer("shop")).json()["tenant"] == "shop"
    assert guarded.get("/api/v1/alerts", **bearer("shop", **{"X-Tenant": "default"})).status_code == 403
    assert guarded.get("/api/v1/status", **bearer("eye", **{"X-Tenant": "shop"})).json()["tenant"] == "shop"


def test_without_tokens_everybody_may_and_it_says_so() -> None:
    status = Api().get("/api/v1/status").json()
    assert (status["needs_token"], status["role"]) == (False, "admin")
    assert "console.tokens" in status["note"]


def test_beyond_this_machine_it_needs_tokens() -> None:
    with pytest.raises(ConfigurationError, match=r"0\.0\.0\.0 without a token"):
        require_tokens("0.0.0.0", ConsoleSettings())
    require_tokens("0.0.0.0", ConsoleSettings(tokens=[token("eye", "viewer")]))
    require_tokens("127.0.0.1", ConsoleSettings())


def test_a_token_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    settings = ConsoleSettings(tokens=[TokenSettings(name="ci", token_file=tmp_path / "token")])
    assert Keyring.of(settings, "default").caller("s3cret", None).name == "ci"


@pytest.mark.parametrize(("text", "what"), [(None, "cannot read"), (" \n", "is empty")])
def test_a_file_without_a_token_is_refused(tmp_path: Path, text: str | None, what: str) -> None:
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=what):
        Keyring.of(ConsoleSettings(tokens=[TokenSettings(name="ci", token_file=path)]), "default")


def test_two_tokens_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="eye is there twice"):
        Keyring.of(ConsoleSettings(tokens=[token("eye", "viewer"), token("eye", "admin")]), "default")


@pytest.mark.parametrize("given", [{}, {"sha256": "a" * 64, "token_file": "t"}, {"sha256": "xyz"}])
def test_a_token_has_one_source(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"sha256"):
        TokenSettings(name="ci", **given)


@pytest.mark.parametrize("tenant", ["x" * 201, "a\tb"])
def test_a_tenant_has_a_name_that_can_be_written(tenant: str) -> None:
    assert Api().get("/api/v1/alerts", headers={"X-Tenant": tenant}).status_code == 400
