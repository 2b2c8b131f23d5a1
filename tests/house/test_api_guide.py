"""What the guide of the API shows is what one is told."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from console.routing import ConfiguredRouting
from incidents.routing.settings import RoutingSettings
from metrics_ai.config import Config
from metrics_ai.routing_files import routing_config
from tests.house.test_guides import GUIDES, blocks
from tests.integration.harness.console import InMemory
from tests.unit.console.asgi import Api

GUIDE = "api.md"
URL = "http://127.0.0.1:8080"
PROGRAMS = ("amtool", "curl", "jq")
UNLIKE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)"), "TIME"),
    (re.compile(r"-1\d{12}\b"), "-MS"),
    (re.compile(r"'[\w.-]+\.log'"), "LOG"),
)


def parts(text: str) -> Iterator[tuple[str, str]]:
    """Commands, and what stands below each."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def alike(text: str) -> list[str]:
    """Lines without what no two runs share, their spaces made one."""
    for pattern, word in UNLIKE:
        text = pattern.sub(word, text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def shell(command: str, url: str, folder: Path) -> str:
    ours = f"{shlex.quote(sys.executable)} -m metrics_ai"
    script = f'amtool() {{ command amtool --alertmanager.url={url} --no-version-check "$@"; }}\n'
    script += re.sub(r"(?<![\w/])metrics-ai ", f"{ours} ", command.replace(URL, url))
    environment = {**os.environ, "METRICS_AI__CONSOLE__URL": url, "COLUMNS": "160", "NO_COLOR": "1", "TZ": "UTC"}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, [str(GUIDES.parents[1]), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


@pytest.mark.slow
def test_every_command_of_the_guide_prints_what_it_shows(tmp_path: Path) -> None:
    missing = [one for one in PROGRAMS if subprocess.run(["which", one], capture_output=True, check=False).returncode]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    memory = InMemory(routing=ConfiguredRouting(lambda: routing_config(RoutingSettings())))
    with memory.serve() as server:
        for block in blocks("", GUIDE):
            for command, output in parts(block):
                if not command.startswith("alias "):
                    assert alike(shell(command, server.url, tmp_path)) == alike(output), command


def test_its_paths_are_those_of_the_description() -> None:
    text = (GUIDES / GUIDE).read_text().partition("## Paths")[2]
    named = set(re.findall(r"`(/[\w/{}.-]+)`", text))
    described = set(Api().get("/api/v1/openapi.json").json()["paths"])
    assert named - {"/-/healthy", "/-/ready"} == described


def test_its_settings_hold() -> None:
    _, tokens, alertmanager = blocks("yaml", GUIDE)
    settings = Config.model_validate(yaml.safe_load(tokens))
    (receiver,) = yaml.safe_load(alertmanager)["receivers"]
    assert receiver["webhook_configs"][0]["url"] == f"{URL}/api/v1/webhooks/alertmanager"
    assert [(one.name, one.role, one.tenants) for one in settings.console.tokens] == [
        ("grafana", "viewer", ["*"]),
        ("prometheus", "responder", ["shop"]),
    ]
