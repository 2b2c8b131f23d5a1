"""One click says whether an alert needed action; looking at the link says nothing."""

from __future__ import annotations

import re

import pytest

from console.settings import ConsoleSettings
from integrations.feedback_links import VALID_MS, links
from tests.unit.console.asgi import NOW_MS, Api, alert


@pytest.fixture
def api() -> Api:
    api = Api()
    api.store.put(alert(1, labels={"alertname": "<Disk>"}))
    return api


def _path(verdict: str = "false", secret: str = "s3cret", alert_id: str = alert(1).id) -> str:
    made = links("http://localhost:8080", secret, "default", alert_id, NOW_MS)
    return made[verdict].removeprefix("http://localhost:8080")  # type: ignore[index]


def test_looking_at_a_link_changes_nothing_and_its_button_does(api: Api) -> None:
    page = api.get(_path())
    assert page.status_code == 200
    assert "&lt;Disk&gt;" in page.text
    assert "<Disk>" not in page.text
    assert api.stage.verdicts == []
    assert api.post(_path(), headers={"Origin": "http://localhost:8080"}).status_code == 200
    assert [(one.verdict, one.by) for one in api.stage.verdicts] == [("false", "a link")]


def test_a_link_needs_no_token() -> None:
    from tests.unit.console.asgi import token

    api = Api(ConsoleSettings(tokens=[token("eye", "viewer")]))
    api.store.put(alert())
    assert api.get(_path()).status_code == 200


def test_the_page_runs_nothing_and_loads_nothing(api: Api) -> None:
    page = api.get(_path())
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|src=|https?://", page.text)


@pytest.mark.parametrize("path", [_path()[:-2], _path().replace(".", "x.", 1), "/feedback/x"])
def test_a_link_that_was_changed_is_refused(api: Api, path: str) -> None:
    assert [api.get(path).status_code, api.post(path).status_code] == [403, 403]
    assert api.stage.verdicts == []


def test_a_link_of_another_secret_or_an_old_one_is_refused(api: Api) -> None:
    assert api.get(_path(secret="other")).status_code == 403
    api.now_ms = NOW_MS + VALID_MS + 1
    assert api.get(_path()).status_code == 403


def test_a_link_to_an_alert_that_is_gone_says_so(api: Api) -> None:
    assert api.get(_path(alert_id="gone")).status_code == 404


def test_without_a_secret_there_are_no_links() -> None:
    assert Api(link_secret=None).get(_path()).status_code == 404
