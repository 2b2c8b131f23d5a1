"""The API beside the stack's own pages."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from metrics_ai.config import load_config
from metrics_ai.stack.console import console_beyond, link_secret_file
from metrics_ai.stack.stack import Stack, StackOptions
from metrics_ai.stack.supervisor import Role
from schemas.errors import ConfigurationError


@dataclass
class Process:
    port: int | None = 4711
    is_alive: bool = True


@dataclass
class Spec:
    role: str


@dataclass
class Roles:
    roles: list[Any] = field(default_factory=list)


def test_the_secret_of_links_is_made_once_and_nobody_else_reads_it(tmp_path: Path) -> None:
    path = link_secret_file(tmp_path)
    text = path.read_text()
    assert len(text) >= 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert link_secret_file(tmp_path).read_text() == text


def test_requests_go_to_the_process_that_lives_now() -> None:
    role: Any = Role(Spec("console"))  # type: ignore[arg-type]
    supervisor: Any = Roles([Role(Spec("detect")), role])  # type: ignore[arg-type]
    beyond = console_beyond(supervisor, 1024)
    assert beyond._port() is None
    role.child = Process()
    assert beyond._port() == 4711
    role.child = Process(is_alive=False)
    assert beyond._port() is None


@pytest.mark.parametrize(
    ("path", "is_its"),
    [("/api/v2/alerts", True), ("/-/ready", True), ("/feedback/x", True), ("/metrics", False), ("/apis", False)],
)
def test_the_api_has_its_paths_and_the_page_the_others(path: str, is_its: bool) -> None:
    supervisor: Any = Roles()
    assert console_beyond(supervisor, 1024).takes(path) is is_its


def test_beyond_this_machine_the_stack_does_not_start_without_tokens(tmp_path: Path) -> None:
    config = load_config(environ={"METRICS_AI__HTTP__HOST": "0.0.0.0"})
    stack = Stack(config, StackOptions(tmp_path / "data", port=0, broker_port=0), lambda _: None)
    with pytest.raises(ConfigurationError, match=r"console\.tokens"):
        stack.start()
    assert not (tmp_path / "data").exists()
