"""What the evening of the guide of alerting shows is what decide, route, the API and the commands say."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from incidents.routing.settings import RoutingSettings
from integrations.delivery.webhook import webhook_body
from metrics_ai.config import Config
from metrics_ai.event_listing import ALERT_HEAD, INCIDENT_HEAD, incident_row, listed_row
from metrics_ai.preview import Preview
from metrics_ai.preview_listing import print_preview
from metrics_ai.routing_files import routing_config
from tests.house.test_api_guide import alike, parts, shell
from tests.house.test_guides import GUIDES, blocks
from tests.integration.harness.asked_stages import Stages
from tests.integration.harness.console import api_over

GUIDE = "alerting.md"
SATURDAY_MS = 1_795_859_218_542
"""2026-11-28T09:46:58Z, when no business hours are."""
UNLIKE = (
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? seconds"), "SO LONG"),
    (re.compile(r"\b[0-9a-f]{20}\b"), "INCIDENT"),
)
INCIDENT = re.compile(r"\b[0-9a-f]{20}\b")


def walk() -> list[tuple[str, str]]:
    """Commands of the evening, and what stands below each."""
    text = (GUIDES / GUIDE).read_text()
    evening = text[text.index("## An evening") : text.index("## Threads")]
    found = re.findall(r"^```\n(.*?)^```", evening, re.DOTALL | re.MULTILINE)
    return [part for block in found for part in parts(block) if "metrics-ai up" not in part[0]]


def seen(text: str) -> list[str]:
    """Lines without what no two evenings share."""
    lines = alike(text)
    for pattern, word in UNLIKE:
        lines = [pattern.sub(word, line) for line in lines]
    return lines


@contextlib.contextmanager
def reader(folder: Path) -> Iterator[str]:
    """The guide's program that prints what it is told; where it listens."""
    code = blocks("python", GUIDE)[0]
    assert "9500" in code
    ported = code.replace('HTTPServer(("127.0.0.1", 9500), Told).serve_forever()', _ON_ANY_PORT)
    (folder / "told.py").write_text(ported)
    with (folder / "told.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "told.py"], cwd=folder, stdout=log, stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stderr is not None
            yield f"http://127.0.0.1:{process.stderr.readline().strip()}"
        finally:
            process.kill()
            process.communicate()


_ON_ANY_PORT = """
import sys

server = HTTPServer(("127.0.0.1", 0), Told)
print(server.server_address[1], file=sys.stderr, flush=True)
server.serve_forever()
"""


class Evening:
    """Does what the guide's commands do, over stages whose clock is turned instead of waited for.

    Parameters
    ----------
    folder
        Where its files are.
    told
        Where the guide's reader listens.
    """

    def __init__(self, folder: Path, told: str) -> None:
        self._folder = folder
        self._told = told
        self._sent = 0
        self._ids: dict[str, str] = {}
        self.config = routing_config(RoutingSettings(), folder / "people.yaml")
        self.stages = Stages(self.config, SATURDAY_MS)

    def do(self, command: str, url: str) -> str:
        """What a command prints."""
        found = re.match(r"sleep (\d+); ", command)
        self.stages.pass_time(float(found[1]) if found else 1.0)
        asked = command[found.end() :] if found else command
        self._deliver()
        asked = asked.strip().replace(".venv/bin/", "")
        store = self.stages.store
        if asked == "metrics-ai alerts":
            return _table((*ALERT_HEAD, "id"), [listed_row(one) for one in store.alerts_of["default"].values()])
        if asked == "metrics-ai incidents":
            return _table(INCIDENT_HEAD, [incident_row(one) for one in store.incidents_of["default"].values()])
        for shown, real in self._ids.items():
            asked = asked.replace(f" {shown[:8]} ", f" {real[:8]} ")
        # An alert ends at the time of the stages' clock.
        now = time.strftime("%FT%TZ", time.gmtime(self.stages.now_ms // 1000))
        return shell(asked.replace("'$(date -u +%FT%TZ)'", now), url, self._folder)

    def note(self, output: str, printed: str) -> None:
        """Know which incident is which of the guide's."""
        self._ids |= dict(zip(INCIDENT.findall(output), INCIDENT.findall(printed), strict=False))

    def preview(self) -> None:
        """Print what the changed routes would have told."""
        preview = Preview(Config(), self.config, routing_config(RoutingSettings(), self._folder / "changed.yaml"))
        preview.run(self.stages.log)
        print_preview(preview, 1, "changed.yaml")

    def _deliver(self) -> None:
        for one in self.stages.told[self._sent :]:
            httpx.post(f"{self._told}/{one.receiver}", json=webhook_body(one), trust_env=False).raise_for_status()
        self._sent = len(self.stages.told)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(" ".join(cells) for cells in (head, *rows))


@pytest.mark.slow
def test_every_command_of_the_evening_prints_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = [one for one in ("curl",) if subprocess.run(["which", one], capture_output=True, check=False).returncode]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    (tmp_path / "people.yaml").write_text(next(one for one in blocks("yaml", GUIDE) if "second-line" in one))
    with reader(tmp_path) as told:
        evening = Evening(tmp_path, told)
        with api_over(evening.stages.store, evening.stages) as server:
            for command, output in walk():
                if "suppressions preview" in command:
                    evening.preview()
                    printed = capsys.readouterr().out
                else:
                    printed = evening.do(command, server.url)
                evening.note(output, printed)
                assert seen(printed) == seen(output), command
