"""The commands that ask the API, against one in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from console.settings import ConsoleSettings
from metrics_ai.cli import app
from metrics_ai.console_client import ConsoleClient, ConsoleRefusalError
from schemas.errors import ConfigurationError, MachineError
from schemas.notification_events import Decision
from tests.integration.harness.console import InMemory
from tests.unit.console.asgi import NOW_MS, alert, incident, token


@pytest.fixture
def memory() -> InMemory:
    memory = InMemory()
    for number in (1, 2):
        memory.store.put(alert(number))
        memory.store.incidents_of["default"][f"incident-{number}"] = incident(number, id=f"incident-{number}")
    return memory


@pytest.fixture
def cli(memory: InMemory) -> Iterator[Any]:
    with memory.serve() as server:

        def run(*words: str, env: dict[str, str] | None = None) -> Any:
            environment = {"METRICS_AI__CONSOLE__URL": server.url, **(env or {})}
            return CliRunner().invoke(app, list(words), env=environment)

        yield run


def _out(done: Any) -> str:
    assert done.exit_code == 0, done.output
    return str(done.output).strip()


def test_an_alert_is_acknowledged_by_how_its_id_begins(cli: Any, memory: InMemory) -> None:
    assert _out(cli("alerts", "ack", "f1-179", "-m", "mine", "--by", "eva")) == f"alert {alert(1).id} is acknowledged"
    assert memory.store.statuses_of["default"][alert(1).id].acknowledged.by == "eva"
    assert _out(cli("alerts", "unack", alert(1).id)).endswith("is no longer acknowledged")
    assert memory.store.statuses_of["default"][alert(1).id].acknowledged is None


def test_why_tells_the_decisions_as_a_table_or_as_they_are(cli: Any, memory: InMemory) -> None:
    statuses = memory.store.statuses_of["default"]
    told = Decision(at_ms=NOW_MS, step="silence", verdict="muted", name="s1", text="a silence", labels={"node": "n1"})
    statuses[alert(1).id] = statuses[alert(1).id].model_copy(update={"decisions": [told], "silenced_by": ["s1"]})
    text = _out(cli("alerts", "why", alert(1).id))
    assert "silenced by: s1" in text
    assert "2026-11-23 15:00:00Z" in text
    assert "node=n1" in text
    assert json.loads(_out(cli("alerts", "why", alert(1).id, "--json")))["decisions"][0]["verdict"] == "muted"


@pytest.mark.parametrize(
    ("word", "state"), [("ack", "acknowledged"), ("mitigate", "mitigated"), ("resolve", "resolved")]
)
def test_an_incident_goes_its_way(cli: Any, memory: InMemory, word: str, state: str) -> None:
    assert _out(cli("incidents", word, "incident-1")) == f"incident incident-1 is {state}"
    assert memory.store.incidents_of["default"]["incident-1"].state == state


def test_notes_merges_and_splits(cli: Any, memory: InMemory) -> None:
    assert _out(cli("incidents", "note", "incident-1", "failed over")) == "incident incident-1 has the note"
    assert _out(cli("incidents", "split", "incident-1", alert(2).id)).startswith("1 alerts of incident incident-1 are")
    assert _out(cli("incidents", "merge", "incident-1", "incident-2")) == "incidents incident-1 and incident-2 are one"
    assert memory.store.timelines["default", "incident-1"][0].text == "failed over"


def test_silences_are_made_listed_and_ended(cli: Any, memory: InMemory) -> None:
    silence_id = _out(cli("silences", "add", "node=n1", "--for", "2h", "--comment", "disk", "--by", "eva"))
    silence = memory.store.silence("default", silence_id)
    assert (silence.ends_ms - silence.starts_ms) // 60_000 in (119, 120)
    listed = _out(cli("silences", "list"))
    assert 'node="n1"' in listed
    assert silence_id in listed
    assert _out(cli("silences", "expire", silence_id)) == f"silence {silence_id} has ended"
    assert _out(cli("silences", "list")) == "no silences"
    assert json.loads(_out(cli("silences", "list", "--all", "--json")))["state"] == "expired"


def test_a_preview_tells_what_would_be_muted(cli: Any, memory: InMemory) -> None:
    text = _out(cli("silences", "preview", "node=~n[12]", "alertname=Disk"))
    assert text.splitlines()[0] == "2 of 2 alerts that fire would be muted"
    assert memory.stage.sent == []


def test_a_verdict_is_given(cli: Any, memory: InMemory) -> None:
    assert _out(cli("feedback", alert(1).id, "false", "-m", "a test")) == f"alert {alert(1).id}: false"
    assert memory.stage.verdicts[0].note == "a test"


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("alerts", "ack", "none"), 1, "there is no alert none"),
        (("alerts", "ack", "f"), 1, "there is no alert f"),
        (("incidents", "ack", "incident"), 1, "2 incidents begin with incident"),
        (("incidents", "review", "incident-1"), 1, "is open, and cannot become reviewed"),
        (("feedback", "f1", "perhaps"), 2, "not one of actioned, false, duplicate"),
        (("silences", "add", "nonsense"), 1, "filter 'nonsense'"),
        (("silences", "add", "a=b", "--for", "long"), 2, "--for 'long' is no duration"),
        (("silences", "add", "a=b", "--from", "soon"), 2, "--from 'soon' is no time"),
        (("silences", "add", "a=~.*"), 1, "at least one matcher must not match the empty text"),
        (("silences", "list", "--url", "nowhere"), 2, "--url 'nowhere' is no address"),
        (("silences", "list", "--url", "http://127.0.0.1:9"), 2, "cannot be reached"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_status(cli: Any, words: tuple[str, ...], status: int, text: str) -> None:
    done = cli(*words)
    assert (done.exit_code, text in done.output) == (status, True), done.output
    assert len(done.output.strip().splitlines()) == 1


def test_a_command_that_nobody_has_done_yet_says_so(cli: Any, memory: InMemory) -> None:
    memory.stage.is_slow = True
    assert "asked for, and not done yet" in _out(cli("incidents", "ack", "incident-1"))


def test_a_token_is_shown_where_it_is_set_and_its_name_stands(memory: InMemory, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("eva-token\n")
    with memory.serve(ConsoleSettings(tokens=[token("eva", "responder")])) as server:
        env = {"METRICS_AI__CONSOLE__URL": server.url}
        refused = CliRunner().invoke(app, ["incidents", "ack", "incident-1"], env=env)
        assert (refused.exit_code, "a token is needed" in refused.output) == (2, True)
        env["METRICS_AI__CONSOLE__TOKEN_FILE"] = str(path)
        assert CliRunner().invoke(app, ["incidents", "ack", "incident-1"], env=env).exit_code == 0
    assert memory.stage.sent[-1].by == "eva"


def _client(answers: list[httpx.Response | httpx.TransportError], seen: list[httpx.Request]) -> ConsoleClient:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return ConsoleClient(ConsoleSettings(), transport=httpx.MockTransport(answer))


def test_a_write_is_repeated_after_a_fault_as_the_same_one() -> None:
    seen: list[httpx.Request] = []
    answers = [httpx.Response(503), httpx.ConnectError("reset"), httpx.Response(200, json={"status": "done"})]
    with _client(answers, seen) as api:
        assert api.send("POST", "/incidents/i1/resolve", {}) == {"status": "done"}
    assert len({one.headers["Idempotency-Key"] for one in seen}) == 1
    assert len(seen) == 3


def test_a_fault_that_stays_is_told() -> None:
    with _client([httpx.ConnectError("refused")] * 3, []) as api, pytest.raises(MachineError, match="refused"):
        api.get("/status")
    with _client([httpx.Response(500, text="oops")], []) as api, pytest.raises(ConsoleRefusalError, match="status 500"):
        api.get("/status")
    with _client([httpx.Response(403, json={"detail": "no"})], []) as api, pytest.raises(ConfigurationError):
        api.get("/status")
