"""amtool, as it comes from the distribution's packages, against our API."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.server import ConsoleServer
from console.settings import ConsoleSettings
from tests.integration.harness.console import InMemory
from tests.unit.console.asgi import token

AMTOOL = shutil.which("amtool")
pytestmark = pytest.mark.skipif(AMTOOL is None, reason="amtool is not installed (Debian: prometheus-alertmanager)")


@dataclass(frozen=True)
class Amtool:
    """Runs it; what it prints."""

    server: ConsoleServer

    def run(self, *words: str, more: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        command = [str(AMTOOL), f"--alertmanager.url={self.server.url}", "--no-version-check", *more, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def __call__(self, *words: str, more: tuple[str, ...] = ()) -> str:
        done = self.run(*words, more=more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, more=("--output=json",)))


@pytest.fixture
def memory() -> InMemory:
    return InMemory()


@pytest.fixture
def amtool(memory: InMemory) -> Iterator[Amtool]:
    with memory.serve() as server:
        yield Amtool(server)


def _nodes(alerts: list[dict[str, Any]]) -> list[str]:
    return sorted(one["labels"]["node"] for one in alerts)


def _add(amtool: Amtool, *nodes: str) -> None:
    for node in nodes:
        amtool("alert", "add", "alertname=Disk", f"node={node}", "--annotation=summary=it is full")


def test_alerts_are_added_and_found(amtool: Amtool) -> None:
    _add(amtool, "n1", "n2")
    assert _nodes(amtool.json("alert", "query")) == ["n1", "n2"]
    assert _nodes(amtool.json("alert", "query", "Disk", "node=~n[2-9]")) == ["n2"]
    assert amtool.json("alert", "query", "Cpu") == []
    assert amtool.json("alert", "query", "--receiver=other") == []
    text = amtool("alert", "query")
    assert "it is full" in text
    assert "active" in text


def test_an_alert_with_times_ends_when_it_says(amtool: Amtool) -> None:
    now = datetime.now(UTC)
    start, end = ((now - timedelta(minutes=one)).isoformat(timespec="seconds") for one in (30, 10))
    amtool("alert", "add", "alertname=Old", "node=n1", f"--start={start}", f"--end={end}")
    amtool("alert", "add", "alertname=New", "node=n2", f"--start={start}")
    (shown,) = amtool.json("alert", "query")
    assert (shown["labels"]["alertname"], shown["startsAt"][:19]) == ("New", start[:19])


def test_a_silence_goes_its_way_from_add_to_expire(amtool: Amtool) -> None:
    _add(amtool, "n1", "n2")
    silence_id = amtool("silence", "add", "node=n1", "--comment=disk is replaced", "--author=eva", "-d", "2h").strip()
    assert _nodes(amtool.json("alert", "query")) == ["n2"]
    assert _nodes(amtool.json("alert", "query", "--silenced")) == ["n1"]
    (shown,) = amtool.json("silence", "query", "node=n1")
    assert (shown["id"], shown["createdBy"], shown["comment"]) == (silence_id, "eva", "disk is replaced")
    updated = amtool("silence", "update", "-d", "4h", "--comment=takes longer", silence_id)
    assert "takes longer" in updated
    assert amtool("silence", "query", "--quiet").split() == [silence_id]
    amtool("silence", "expire", silence_id)
    assert _nodes(amtool.json("alert", "query")) == ["n1", "n2"]
    assert amtool("silence", "query", "--quiet") == ""
    assert amtool("silence", "query", "--quiet", "--expired").split() == [silence_id]


def test_silences_are_exported_and_imported(amtool: Amtool, tmp_path: Path) -> None:
    for node in ("n1", "n2", "n3"):
        amtool("silence", "add", f"node={node}", "--comment=move")
    exported = tmp_path / "silences.json"
    exported.write_text(json.dumps(amtool.json("silence", "query")))
    with InMemory().serve() as server:
        other = Amtool(server)
        other("silence", "import", str(exported), "--force")
        matchers = sorted(one["matchers"][0]["value"] for one in other.json("silence", "query"))
    assert matchers == ["n1", "n2", "n3"]


@pytest.mark.parametrize("words", [("expire", "31a01943-1dc7-54dd-ba1b-11e25886fbef"), ("expire", "none")])
def test_what_is_not_there_is_an_error_of_amtools(amtool: Amtool, words: tuple[str, ...]) -> None:
    assert amtool.run("silence", *words).returncode != 0


def test_a_silence_of_everything_is_refused_in_words(amtool: Amtool) -> None:
    refused = amtool.run("silence", "add", "node=~.*", "--comment=all")
    assert refused.returncode != 0
    assert "at least one matcher must not match the empty text" in refused.stderr


def test_configuration_status_and_routes_are_read(amtool: Amtool) -> None:
    assert "receiver: default" in amtool("config", "show")
    assert "disabled" in amtool("cluster", "show")
    assert "default-route" in amtool("config", "routes", "show")
    assert amtool("config", "routes", "test", "alertname=Disk").strip() == "default"


def test_a_token_goes_with_amtools_own_configuration(memory: InMemory, tmp_path: Path) -> None:
    http = tmp_path / "http.yml"
    http.write_text("authorization: {type: Bearer, credentials: eva-token}\n")
    with memory.serve(ConsoleSettings(tokens=[token("eva", "responder")])) as server:
        amtool = Amtool(server)
        assert amtool.run("alert", "add", "alertname=Disk", "node=n1").returncode != 0
        words = ("alert", "add", "alertname=Disk", "node=n1")
        amtool(*words, more=(f"--http.config.file={http}",))
        added = amtool(
            "silence", "add", "node=n1", "--comment=c", "--author=adam", more=(f"--http.config.file={http}",)
        )
    assert added.strip()
    assert [one.created_by for one in memory.store.silences("default")] == ["adam (token eva)"]
